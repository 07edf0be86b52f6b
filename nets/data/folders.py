"""Folders of images: train|test/<class>/*.png, or any folder of the user's images."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nets.data.loaded import Loaded, Part, chunk_length
from nets.errors import DataError, SourceUnavailable
from nets.files import sha256
from nets.trust import refuse_links

SUFFIXES = {".png", ".jpg", ".jpeg"}
DEEP_MODES = ("I", "F")  # Pillow's modes with more than 8 bits per channel

Labelled = list[tuple[Path, int]]  # (image, label)


def read_class_folder(entry: dict, source: dict, root: Path) -> Loaded:
    """`<folder>/train/<class>/*.png|jpg` and `<folder>/test/<class>/...`, ordered by class."""
    folder = root / source["folder"]
    if not (folder / "train").is_dir():
        raise SourceUnavailable(f"put train|test/<class>/*.png or *.jpg under {folder}")
    if not (folder / "test").is_dir():
        raise DataError(f"{folder} is incomplete: it has train but no test; add test.")
    refuse_links(folder)
    classes = [name.replace("/", "_") for name in entry["classes"]]  # as a folder's name: T-shirt_top
    learning, test = _labelled(folder / "train", classes), _labelled(folder / "test", classes)
    return _loaded(entry, source, folder, learning, test)


def read_image_folder(entry: dict, source: dict, root: Path) -> Loaded:
    """All images of a folder: `<class>/*` if the entry has classes, otherwise all images below it, unlabelled."""
    folder = root / source["folder"]
    images = images_in(folder, "**/*")
    if not images:
        raise SourceUnavailable(f"put images (.png or .jpg) under {folder}")
    refuse_links(folder)
    unlabelled = [(path, -1) for path in images]
    learning = unlabelled if entry["classes"] is None else _labelled(folder, entry["classes"])
    return _loaded(entry, source, folder, learning, None)


def read_imagenet(entry: dict, source: dict, root: Path) -> Loaded:
    """ImageNet's validation images, `<folder>/<wnid>/*.JPEG`, as the test part; label k is the k-th sorted wnid."""
    folder = root / source["folder"]
    wnids = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not wnids:
        raise SourceUnavailable(f"put ImageNet's validation images, <wnid>/*.JPEG, under {folder}")
    refuse_links(folder)
    if len(wnids) != entry["classes"]:
        raise DataError(f"{folder} has {len(wnids)} folders, expected {entry['classes']}, one per class; complete it.")
    return _loaded(entry, source | {"fit": source["resize"]}, folder, [], _labelled(folder, wnids))


def images_in(folder: Path, pattern: str) -> list[Path]:
    """Images sorted by path, in the same order on every machine, without hidden files."""
    images = [path for path in folder.glob(pattern) if path.suffix.lower() in SUFFIXES]
    shown = [path for path in images if "/." not in f"/{path.relative_to(folder).as_posix()}"]
    return sorted(shown, key=Path.as_posix)


def _labelled(folder: Path, classes: list[str]) -> Labelled:
    folders = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for name in sorted(folders.symmetric_difference(classes)):
        what = "is not a class of the catalogue" if name in folders else "is missing"
        raise DataError(f"{folder} does not match the classes of the catalogue: the folder {name} {what}.")
    images = [images_in(folder / name, "*") for name in classes]
    for name, paths in zip(classes, images, strict=True):
        if not paths:
            raise DataError(f"{folder / name} has no image (.png or .jpg); add some, or remove the class.")
    return [(path, label) for label, paths in enumerate(images) for path in paths]


def _loaded(entry: dict, source: dict, folder: Path, learning: Labelled, test: Labelled | None) -> Loaded:
    paths = [path for path, _ in learning + (test or [])]
    actual = digest(folder, paths)
    expected = source.get("sha256", actual)
    if actual != expected:
        raise DataError(
            f"{folder} has changed: the SHA-256 of its {len(paths)} images is {actual}, expected {expected}; "
            "restore it, or correct sha256 in the catalogue."
        )
    shape, fit = tuple(entry["shape"]), source.get("fit", "exact")
    return Loaded(
        _part(learning, shape, fit),
        None if test is None else _part(test, shape, fit),
        source["kind"],
        str(folder),
        canonical=False,
        sha256={folder.name: actual},
    )


def digest(folder: Path, paths: list[Path]) -> str:
    """SHA-256 of the relative path and the SHA-256 of every file, in order."""
    total = hashlib.sha256()
    for path in paths:
        content = sha256(path)
        total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def _part(items: Labelled, shape: tuple[int, int, int], fit: str | int) -> Part:
    paths = [path for path, _ in items]
    # Threads pay only if decoding outweighs Python's own work, so not for files of one or two kilobytes.
    small = sum(path.stat().st_size for path in paths[:100]) < 8192 * len(paths[:100])
    step = chunk_length(shape)

    def chunks() -> Iterator[np.ndarray]:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            apply = map if small else pool.map
            for start in range(0, len(paths), step):
                images = apply(lambda path: decode(path, shape, fit), paths[start : start + step])
                yield np.stack(list(images))

    return Part(np.array([label for _, label in items], np.int64), chunks)


def decode(path: Path, shape: tuple[int, int, int], fit: str | int) -> np.ndarray:
    """The image in a file as (C, H, W) uint8.

    `fit` is `exact`; or `crop`, which cuts out the centre and resizes it; or a length, to which the shorter side is
    resized before the centre is cut out. Raises DataError if the file can't be read, has more than 8 bits per channel,
    or has another size under `exact`.
    """
    channels, height, width = shape
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            deep = image.mode.startswith(DEEP_MODES)
            if image.mode == "P":
                image = image.convert("RGBA")
            image = image.convert("L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not readable as an image ({error}); replace or delete it.") from error
    if deep:
        raise DataError(f"{path} has more than 8 bits per channel; convert it.")
    if fit == "crop":
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    elif isinstance(fit, int):
        image = _resize_and_cut(image, fit, width, height)
    elif image.size != (width, height):
        size = "{}x{}".format(*image.size)
        raise DataError(f"{path} is {size} pixels, expected {width}x{height}; resize it, or set `fit: crop`.")
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _resize_and_cut(image: Image.Image, shorter: int, width: int, height: int) -> Image.Image:
    """Bilinear `Resize(shorter)`, then `CenterCrop`, like torchvision's presets for ImageNet."""
    size = [shorter if side == min(image.size) else int(shorter * side / min(image.size)) for side in image.size]
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    return image.crop((left, top, left + width, top + height))
