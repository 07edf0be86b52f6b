"""An entry of datasets.yaml for a folder of images, proposed after a look at its folders and its images' headers."""

import statistics
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nets.data.decoding import FORMATS, MASK_FORMATS, SIDEWAYS, opened, orientation
from nets.data.folders import PARTS, parts_of
from nets.data.listing import WORDS, Listing, is_folder
from nets.errors import DataError

SIDES = (28, 32, 40, 48, 64)  # pixels; larger images are worth their time on a GPU
COLOURS = 60  # images that are decoded to see whether they have colours
MASKED = 200  # masks that are decoded for their classes
VOID = 255
SHARES = {"validation": 0.1, "test": 0.2, "seed": 0}
FEW = 30  # images of a class, below which its share of the test images says little


class Proposal(NamedTuple):
    """An entry, and what was found, in words."""

    entry: dict[str, Any]
    found: list[str]


def propose(name: str, folder: Path) -> Proposal:
    """The entry of a folder: with a folder for each class, with `train` and `test` (and `val`), with masks, or plain.

    Raises DataError if the folder holds no images, or some that can't be read.
    """
    folder = folder.expanduser().absolute()
    if not is_folder(folder):
        raise DataError(f"{folder} is no folder; name the folder of your images.")
    listing = Listing(folder)
    source: dict[str, Any] = {"kind": "image_folder", "folder": str(folder)}
    splits: dict[str, Any] = dict(SHARES)
    more: dict[str, Any] = {}
    classes: list[str] | None = None
    found: list[str] = []
    if is_folder(folder / "train"):
        there = parts_of(listing, folder)
        masked = is_folder(there["train"] / "masks")
        source["kind"] = "mask_folder" if masked else "class_folder"
        inner = {part: path / "images" if masked else path for part, path in there.items()}
        images = {part: Listing(folder).images(path) for part, path in inner.items()}
        splits = {"validation": len(images["val"]) if images.get("val") else SHARES["validation"], "seed": 0}
        counted = ", ".join(f"{len(images[part])} in {part}" for part in PARTS if part in images)
        found.append(f"images: {counted}; its own test images are kept")
        every = [path for part in images.values() for path in part]
        if masked:
            classes, more = classes_of_masks(there["train"] / "masks")
            found.append(
                f"masks: classes 0 to {len(classes) - 1}" + (f", {VOID} is void" if more["masks"]["void"] else "")
            )
        else:
            classes = sorted(Listing(folder).folders(there["train"], "is in no class's folder"))
    else:
        every = listing.images(folder)
        holders = Counter(path.relative_to(folder).parts[0] for path in every if path.parent != folder)
        if len(holders) > 1 and holders.total() == len(every):
            classes = sorted(holders)
            found.append("images: " + ", ".join(f"{holders[label]} {label}" for label in classes[:20]))
            small = [label for label in classes if holders[label] < FEW]
            if small:
                found.append(
                    f"few images: {', '.join(small[:5])} have fewer than {FEW}; take numbers for them with care"
                )
        else:
            found.append(f"images: {len(every)}, without classes (a folder for each class would name them)")
    if not every:
        raise DataError(f"{folder} holds no images ({WORDS}); name another folder.")
    shape, fit, seen = looks(every)
    entry = {"title": name.replace("_", " ").capitalize(), "shape": shape, "classes": classes} | more
    entry |= {"splits": splits, "mean": None, "std": None, "sources": [source | {"fit": fit}]}
    return Proposal(entry | {"licence": "my own", "citation": "my own images", "url": None}, found + seen)


def looks(paths: list[Path]) -> tuple[list[int], str, list[str]]:
    """A shape and a fit for images, and what was seen of them."""
    sizes = [size_of(path) for path in paths]
    least, most = min(sizes), max(sizes)
    grey = all(map(is_grey, paths[:: max(1, len(paths) // COLOURS)]))
    alike = len(set(sizes)) == 1
    span = f"{least[0]}x{least[1]}" + ("" if alike else f" to {most[0]}x{most[1]}")
    seen = [f"pixels: {span}, {'grey' if grey else 'in colour'}"]
    side = min(sizes[0])
    if alike and sizes[0][0] == sizes[0][1] and side <= SIDES[-1]:
        return [1 if grey else 3, side, side], "exact", seen
    typical = statistics.median(min(size) for size in sizes)
    side = max([each for each in SIDES if each <= typical], default=SIDES[0])
    seen.append(f"shape: cut to the centre and resized to {side}x{side}; a larger `shape` shows more and takes longer")
    return [1 if grey else 3, side, side], "crop", seen


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of an image, upright."""
    with opened(path, FORMATS, "an image") as image:
        return image.size[::-1] if orientation(image) in SIDEWAYS else image.size


def is_grey(path: Path) -> bool:
    """Whether an image has no colours, however it is stored."""
    with opened(path, FORMATS, "an image") as image:
        if image.mode in ("1", "L", "LA"):
            return True
        image.thumbnail((256, 256))
        pixels = np.asarray(image.convert("RGB")).astype(np.int16)
        return bool((np.ptp(pixels, axis=-1) <= 2).all())


def classes_of_masks(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Names for the classes in masks, and the entry's `masks`."""
    paths = Listing(folder).images(folder)
    values: set[int] = set()
    for path in paths[:: max(1, len(paths) // MASKED)]:
        with opened(path, MASK_FORMATS, "a mask") as mask:
            values |= {int(value) for value in np.unique(np.asarray(mask))}
    highest = max((value for value in values if value != VOID), default=0)
    return [f"class {number}" for number in range(max(highest, 1) + 1)], {
        "masks": {"void": VOID if VOID in values else None}
    }
