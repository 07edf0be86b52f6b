"""Arrays of numpy as a data set: `.npy` files, and members of `.npz` files (`bloodmnist.npz:train_images`)."""

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageOps

from nets.data.decoding import Changes, pixels_of
from nets.data.loaded import Loaded, Part, chunk_length
from nets.errors import DataError, SourceUnavailable
from nets.files import open_regular, sha256

PARTS = ("train", "validation", "test")
MOST_BYTES = 1 << 35  # of an array


def read(entry: dict, source: dict, root: Path) -> Loaded:
    """The arrays of each part: `images`, and `labels` or `masks` as the entry needs.

    Raises SourceUnavailable if a file is missing, and DataError if it has another SHA-256 than the source names, holds
    anything but numbers, or does not fit the entry.
    """
    wanted = "masks" if "masks" in entry else "labels" if entry["classes"] is not None else None
    files: dict[str, str] = {}  # the SHA-256 of each
    changes: Changes = set()
    parts: dict[str, Part] = {}
    for name in (part for part in PARTS if part in source):
        given = source[name]
        if wanted and wanted not in given:
            raise DataError(f"{entry['title']}: `{name}` names no {wanted}; add them, or set `classes: null`.")
        arrays = {
            what: array(root, given[what], source.get("sha256", {}), files) for what in ("images", wanted) if what
        }
        parts[name] = part_of(entry, source, given, arrays, wanted, changes)
    learning = [parts[name] for name in PARTS[:2] if name in parts]
    own = len(parts["validation"].labels) if "validation" in parts else None
    whole = joined(learning)
    kind, places = source["kind"], ", ".join(files)
    return Loaded(whole, parts.get("test"), kind, f"{root} ({places})", False, files, own, changes=changes)


def array(root: Path, name: str, pinned: dict[str, str], files: dict[str, str]) -> np.ndarray:
    """An array of numbers: `name` is a file, or file.npz:member. Its file is verified; `files` gets its SHA-256."""
    file, _, member = name.partition(":")
    path = root / file
    if not path.exists():
        raise SourceUnavailable(f"put {file} into {root}")
    if (path.suffix == ".npz") != bool(member):
        raise DataError(f"{path}: name an array of an .npz file as {path.name}:member, one of an .npy file without.")
    with open_regular(path) as opened:
        if file not in files:
            files[file] = sha256(opened)
            if files[file] != pinned.get(file, files[file]):
                raise DataError(
                    f"{path} has changed: its SHA-256 is {files[file]}, expected {pinned[file]}; restore it, or "
                    "correct sha256 in the catalogue."
                )
        opened.seek(0)
        try:
            return in_archive(opened, member) if member else plain(opened)
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} holds no such array ({error}); save it again with numpy.") from None


def in_archive(opened: IO[bytes], member: str) -> np.ndarray:
    """A member of an .npz file."""
    with zipfile.ZipFile(opened) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        if member not in names:
            raise ValueError(f"{member!r} is none of {', '.join(names)}")
        with archive.open(f"{member}.npy") as inner:
            return plain(inner)


def plain(file: Any) -> np.ndarray:
    """The array of an open .npy file. Raises ValueError for objects, which can run code, and for too much of it."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, not numbers")
    if math.prod(shape) * dtype.itemsize > MOST_BYTES:
        raise ValueError(f"its header announces more than {MOST_BYTES >> 30} GiB")
    file.seek(0)
    return np.load(file, allow_pickle=False)


def part_of(
    entry: dict, source: dict, given: dict, arrays: dict[str, np.ndarray], wanted: str | None, changes: Changes
) -> Part:
    """A part from its arrays, in the entry's shape. Raises DataError where they don't fit."""
    shape: tuple[int, int, int] = tuple(entry["shape"])
    images, name = in_order(arrays["images"], shape[0], given["images"]), given["images"]
    fit = source.get("fit", "exact")
    if fit == "exact" and images.shape[1:3] != shape[1:]:
        size, expected = (f"{size[1]}x{size[0]}" for size in (images.shape[1:3], shape[1:]))
        raise DataError(f"{name} has images of {size} pixels, `shape` says {expected}; correct it, or set `fit: crop`.")
    targets = arrays.get(wanted or "", np.full(len(images), -1))
    if wanted == "labels" and targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    dimensions = images.shape[:3] if wanted == "masks" else images.shape[:1]
    if targets.shape != dimensions or targets.dtype.kind not in "iu":
        raise DataError(
            f"{given.get(wanted)} is {targets.dtype} {targets.shape}, and {name} needs whole numbers {dimensions}; "
            "correct the array, or name another."
        )
    first, step = source.get("first", 0), chunk_length(shape)

    def pixels(rows: np.ndarray) -> np.ndarray:
        if fit == "exact":
            return rows.transpose(0, 3, 1, 2)
        pictures = (Image.fromarray(row.squeeze(-1) if shape[0] == 1 else row) for row in rows)
        return np.stack([pixels_of(picture, Path(name), shape, fit)[0] for picture in pictures])

    def smaller(rows: np.ndarray) -> np.ndarray:
        masks = (Image.fromarray((row.astype(np.int64) - first).astype(np.uint8)) for row in rows)
        if fit == "crop":
            masks = (ImageOps.fit(mask, (shape[2], shape[1]), Image.Resampling.NEAREST) for mask in masks)
        return np.stack([np.asarray(mask) for mask in masks])

    starts = range(0, len(images), step)
    labels = targets.astype(np.int64) - first if wanted == "labels" else np.full(len(images), -1, np.int64)
    masks = (lambda: (smaller(targets[i : i + step]) for i in starts)) if wanted == "masks" else None
    return Part(labels, lambda: (pixels(images[i : i + step]) for i in starts), masks)


def in_order(images: np.ndarray, channels: int, name: str) -> np.ndarray:
    """Images as (N, H, W, C), from (N, H, W), (N, H, W, C) or (N, C, H, W). Raises DataError for others."""
    if images.dtype != np.uint8:
        raise DataError(f"{name} is {images.dtype}, expected bytes (uint8) from 0 to 255; convert and save it.")
    if images.ndim == 3 and channels == 1:
        return images[..., None]
    if images.ndim == 4 and images.shape[3] == channels:
        return images
    if images.ndim == 4 and images.shape[1] == channels:
        return images.transpose(0, 2, 3, 1)
    raise DataError(f"{name} has the shape {images.shape}, and `shape` says {channels} channels; correct one of them.")


def joined(parts: list[Part]) -> Part:
    """Parts as one, one behind the other."""

    def chunks(which: str) -> Iterator[np.ndarray]:
        for part in parts:
            yield from getattr(part, which)()

    masks = (lambda: chunks("masks")) if parts[0].masks else None
    return Part(np.concatenate([part.labels for part in parts]), lambda: chunks("chunks"), masks)
