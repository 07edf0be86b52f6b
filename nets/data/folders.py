"""Folders of images: train and test with a folder for each class, or any folder of the user's images."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from nets.data.decoding import Changes, decode
from nets.data.entries import folder_of
from nets.data.listing import WORDS, Listing, is_folder
from nets.data.loaded import Loaded, Part, chunk_length
from nets.errors import DataError, SourceUnavailable
from nets.files import sha256

PARTS = ("train", "val", "test")

Labelled = list[tuple[Path, int]]  # (image, label)


def read_class_folder(entry: dict, source: dict, root: Path) -> Loaded:
    """`<folder>/train/<class>/**` and `<folder>/test/<class>/**`, ordered by class; perhaps also `<folder>/val/...`."""
    folder = root / source["folder"]
    if not is_folder(folder) or not is_folder(folder / "train"):
        raise SourceUnavailable(f"put train|test/<class>/*.png or *.jpg under {folder}")
    if not is_folder(folder / "test"):
        raise DataError(f"{folder} is incomplete: it has train but no test; add test.")
    listing = Listing(folder)
    there = parts_of(listing, folder)
    train, val, test = (_labelled(listing, there[p], entry["classes"]) if p in there else [] for p in PARTS)
    return _loaded(entry, source, listing, train + val, test, len(val) or None)


def read_image_folder(entry: dict, source: dict, root: Path) -> Loaded:
    """All images of a folder: `<class>/**` if the entry has classes, otherwise all images below it, unlabelled."""
    folder = root / source["folder"]
    listing = Listing(folder)
    if not is_folder(folder) or not (images := listing.images(folder)):
        raise SourceUnavailable(f"put images ({WORDS}) under {folder}")
    learning = [(path, -1) for path in images]
    if entry["classes"] is not None:
        listing = Listing(folder)  # whose account begins anew
        learning = _labelled(listing, folder, entry["classes"])
    return _loaded(entry, source, listing, learning, None)


def read_imagenet(entry: dict, source: dict, root: Path) -> Loaded:
    """ImageNet's validation images, `<folder>/<wnid>/*.JPEG`, as the test part; label k is the k-th sorted wnid."""
    folder = root / source["folder"]
    listing = Listing(folder)
    wnids = sorted(listing.folders(folder, "is in no class's folder")) if is_folder(folder) else []
    if not wnids:
        raise SourceUnavailable(f"put ImageNet's validation images, <wnid>/*.JPEG, under {folder}")
    if len(wnids) != entry["classes"]:
        raise DataError(f"{folder} has {len(wnids)} folders, expected {entry['classes']}, one per class; complete it.")
    listing = Listing(folder)
    return _loaded(entry, source | {"fit": source["resize"]}, listing, [], _labelled(listing, folder, wnids))


def parts_of(listing: Listing, folder: Path) -> dict[str, Path]:
    """The folders `train`, `val` and `test` of a folder. Others are skipped, but not those that mean a part."""
    found = listing.folders(folder, "is in no part")
    for name, path in found.items():
        if name not in PARTS:
            if name.lower().startswith((*PARTS, "dev", "eval")):
                raise DataError(f"{path} is not read, only train, val and test are; rename it, or move it away.")
            listing.leave(path, "in another folder than train, val and test")
    return {name: path for name, path in found.items() if name in PARTS}


def _labelled(listing: Listing, folder: Path, classes: list[str] | int) -> Labelled:
    """The images of each class, from the folders of the classes' names."""
    if isinstance(classes, int):
        raise DataError(f"{folder} needs the names of its classes, which are folders; list them in `classes`.")
    there = {folder_of(name): path for name, path in listing.folders(folder, "is in no class's folder").items()}
    wanted = {folder_of(name): name for name in classes}
    for name in sorted(there.keys() ^ wanted.keys()):
        what = "is not a class of the catalogue" if name in there else "is missing"
        inner = [path for path in there.values() if all((path / other).is_dir() for other in wanted)]
        hint = f"; the classes are in {inner[0]}: name that folder in the catalogue." if inner else "."
        raise DataError(f"{folder} does not match the classes of the catalogue: the folder {name} {what}{hint}")
    labelled: Labelled = []
    for label, name in enumerate(wanted):
        images = listing.images(there[name])
        if not images:
            raise DataError(f"{there[name]} has no image ({WORDS}); add some, or remove the class.")
        labelled += [(path, label) for path in images]
    return labelled


def _loaded(
    entry: dict,
    source: dict,
    listing: Listing,
    learning: Labelled,
    test: Labelled | None,
    validation: int | None = None,
) -> Loaded:
    folder, paths = listing.root, [path for path, _ in learning + (test or [])]
    actual = verified_digest(source, folder, paths, "images")
    shape, fit = tuple(entry["shape"]), source.get("fit", "exact")
    changes: Changes = set()
    parts = {"train": _part(learning, shape, fit, changes)}
    if test is not None:
        parts["test"] = _part(test, shape, fit, changes)
    if known := source.get("pixels"):  # decoded once, so these sets must fit into memory
        parts = {name: Part.of(np.concatenate(list(p.chunks())), p.labels) for name, p in parts.items()}
    return Loaded(
        parts["train"],
        parts.get("test"),
        source["kind"],
        str(folder),
        canonical=known is not None and known == {name: part.identity() for name, part in parts.items()},
        sha256={folder.name: actual},
        validation=validation,
        passed_by=listing.account(),
        changes=changes,
    )


def verified_digest(source: dict, folder: Path, paths: list[Path], what: str) -> str:
    """The digest of the files of a folder. Raises DataError if the source names another one."""
    actual = digest(folder, paths)
    expected = source.get("sha256", actual)
    if actual != expected:
        raise DataError(
            f"{folder} has changed: the SHA-256 of its {len(paths)} {what} is {actual}, expected {expected}; "
            "restore it, or correct sha256 in the catalogue."
        )
    return actual


def digest(folder: Path, paths: list[Path]) -> str:
    """SHA-256 of the relative path and the SHA-256 of every file, in order."""
    total = hashlib.sha256()
    for path in paths:
        content = sha256(path)
        total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def _part(items: Labelled, shape: tuple[int, int, int], fit: str | int, changes: Changes) -> Part:
    paths = [path for path, _ in items]
    # Threads pay only if decoding outweighs Python's own work, so not for files of one or two kilobytes.
    small = sum(path.stat().st_size for path in paths[:100]) < 8192 * len(paths[:100])
    step = chunk_length(shape)

    def chunks() -> Iterator[np.ndarray]:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            apply = map if small else pool.map
            for start in range(0, len(paths), step):
                images = apply(lambda path: decode(path, shape, fit, changes), paths[start : start + step])
                yield np.stack(list(images))

    return Part(np.array([label for _, label in items], np.int64), chunks)
