"""Data sets that other packages open: any of `torchvision.datasets` that gives (image, label) or (image, mask), and
those of Hugging Face's `datasets`.

They are read item by item. The SHA-256 of a part is taken over all its images and labels or masks as the package gives
them, before they are brought to the entry's shape; it is recorded, and compared if the source names one.
"""

import hashlib
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from nets.data import download
from nets.data.decoding import Changes, pixels_of, wrong_size
from nets.data.entries import number_of
from nets.data.loaded import Loaded, Part, chunk_length
from nets.data.places import offline
from nets.errors import DataError, SourceUnavailable, first_line, suggest

PARTS = ("train", "validation", "test")
NOT_THERE = (RuntimeError, OSError, EOFError)  # what torchvision's classes raise where their files are missing
OWN_ARGUMENTS = ("self", "root", "download", "transform", "target_transform", "transforms", "loader")
OLDEST = 4  # version of Hugging Face's `datasets`; older ones run code that a data set brings along


@dataclass(frozen=True)
class Items:
    """A part of a data set: `item(i)` for i below `count` is an image, and a label or mask or None."""

    name: str  # of the data set and its part, for messages
    count: int
    item: Callable[[int], tuple[Any, Any]]
    classes: list[str] | None  # the names of the classes, where the data set knows them


def read_torchvision(entry: dict, source: dict, root: Path) -> Loaded:
    """`torchvision.datasets.<class>` in `$NETS_DATA/<folder>`, one object for each part; see `arguments_of`."""
    from torchvision import datasets

    kind, folder = getattr(datasets, source["class"]), root / source.get("folder", source["class"])
    found: dict[str, Items] = {}
    for part, arguments in arguments_of(kind, source).items():
        opened = open_torchvision(kind, folder, arguments)
        said = f"torchvision's {kind.__name__}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"
        classes = getattr(opened, "classes", None)
        known = [str(name) for name in classes] if isinstance(classes, Sequence) else None
        found[part] = Items(said, len(opened), opened.__getitem__, known)
    return loaded(entry, source, found, str(folder))


def arguments_of(kind: type[Any], source: dict) -> dict[str, dict[str, Any]]:
    """The arguments of each part: the source's; or, if it names none, those that mean train and test for this class."""
    known = inspect.signature(kind).parameters
    given = {part: source[part] for part in PARTS if part in source}
    if not given and "train" in known:
        given = {"train": {"train": True}, "test": {"train": False}}
    elif not given and "split" in known:
        given = {"train": {"split": "train"}, "test": {"split": "test"}}
    given = given or {"train": {}}
    for part, arguments in given.items():
        own = [name for name in known if name not in OWN_ARGUMENTS]
        for name in arguments:
            if name not in own:
                hint = suggest(name, own) if own else "it takes none."
                raise DataError(f"torchvision's {kind.__name__} has no argument {name!r} (for {part}); {hint}")
    return given


def open_torchvision(kind: type[Any], folder: Path, arguments: dict[str, Any]) -> Any:
    """An object of torchvision's class, whose files are downloaded if they are missing and that is allowed."""
    rooted = "root" in inspect.signature(kind).parameters
    places = [folder] if rooted else []
    try:
        try:
            return kind(*places, **arguments)
        except NOT_THERE as missing:
            download.fetch_class(kind, folder, arguments, first_line(missing))
            return kind(*places, **arguments)
    except (ValueError, TypeError, ImportError, *NOT_THERE) as error:
        raise DataError(f"torchvision's {kind.__name__}: {first_line(error).rstrip('.')}; correct the entry.") from None


def read_huggingface(entry: dict, source: dict, root: Path) -> Loaded:
    """A data set of the Hugging Face Hub, or a folder of `$NETS_DATA` that `datasets.load_dataset` reads.

    Raises SourceUnavailable where the package is not installed, or the data set is neither here nor to be had.
    """
    if offline():
        os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    try:
        import datasets
    except ImportError:
        raise SourceUnavailable("install Hugging Face's package: .venv/bin/python -m pip install datasets") from None
    if int(datasets.__version__.partition(".")[0]) < OLDEST:
        raise SourceUnavailable(f"update Hugging Face's package to version {OLDEST} or later: pip install -U datasets")
    local = root / source["dataset"]
    name = str(local) if local.is_dir() else source["dataset"]
    found: dict[str, Items] = {}
    splits = {"train": "train"} | {part: source[part] for part in PARTS if part in source}
    for part, split in splits.items():
        try:
            table = datasets.load_dataset(name, source.get("config"), split=split, revision=source.get("revision"))
        except (OSError, ConnectionError) as error:
            raise SourceUnavailable(
                f"allow the download of {name}, put it into {local}, or correct its name ({first_line(error)})"
            ) from None
        except ValueError as error:
            raise DataError(f"{name}: {first_line(error).rstrip('.')}; correct `config` or `{part}`.") from None
        found[part] = columns_of(table, source, f"{name} ({split})", "masks" in entry, entry["classes"] is not None)
    return loaded(entry, source, found, name)


def columns_of(table: Any, source: dict, name: str, masks: bool, labels: bool) -> Items:
    """The items of a table of Hugging Face: the columns that the source names, or the first that can be meant."""
    kinds = {column: type(feature).__name__ for column, feature in table.features.items()}
    images = [column for column, kind in kinds.items() if kind == "Image"]
    image = source.get("image") or next(iter(images), None)
    others = [column for column in images if column != image] if masks else [c for c in kinds if c not in images]
    target = source.get("mask" if masks else "label")
    if target is None and (masks or labels):
        target = next((column for column in others if masks or kinds[column] == "ClassLabel"), None)
    for column, what in ((image, "image"), (target, "mask" if masks else "label")):
        wanted = what == "image" or masks or labels
        if wanted and column not in kinds:
            raise DataError(f"{name}: no column is the {what}; set `{what}` to one of {', '.join(kinds)}.")

    def item(number: int) -> tuple[Any, Any]:
        row = table[number]
        return row[image], row[target] if masks or labels else None

    classes = getattr(table.features[target], "names", None) if labels and not masks else None
    return Items(name, len(table), item, classes)


def loaded(entry: dict, source: dict, found: dict[str, Items], location: str) -> Loaded:
    """All parts, looked at once: hashed, and their labels collected."""
    read = {part: Read(entry, source, items) for part, items in found.items()}
    for part, each in read.items():
        expected = source.get("sha256", {}).get(part, each.sha256)
        if each.sha256 != expected:
            raise DataError(
                f"{each.items.name} has changed: the SHA-256 of its images is {each.sha256}, expected {expected}; "
                "restore it, or correct sha256 in the catalogue."
            )
    learning = [read[part] for part in PARTS[:2] if part in read]
    changes: Changes = set()
    own = len(read["validation"].labels) if "validation" in read else None
    return Loaded(
        joined(learning, changes),
        joined([read["test"]], changes) if "test" in read else None,
        source["kind"],
        location,
        canonical=False,
        sha256={part: each.sha256 for part, each in read.items()},
        validation=own,
        changes=changes,
    )


class Read:
    """A part that has been looked at."""

    def __init__(self, entry: dict, source: dict, items: Items) -> None:
        self.items, self.entry, self.source = items, entry, source
        self.shape: tuple[int, int, int] = tuple(entry["shape"])
        self.masked, self.labelled = "masks" in entry, entry["classes"] is not None
        if not items.count:
            raise DataError(f"{items.name} has no images; correct its arguments.")
        self.check_classes()
        digest, labels = hashlib.sha256(), []
        for number in range(items.count):
            image, target = self.item(number)
            for values in (np.asarray(image), target):
                digest.update(f"{values.shape} {values.dtype.str};".encode() + np.ascontiguousarray(values).tobytes())
            labels.append(int(target) if self.labelled and not self.masked else -1)
        self.sha256, self.labels = digest.hexdigest(), np.array(labels, np.int64)

    def check_classes(self) -> None:
        """Raise DataError if the data set knows its classes and the entry has others, or the same in another order."""
        known, named = self.items.classes, self.entry["classes"]
        if not known or named is None or self.masked:
            return
        count = number_of(named)
        if len(known) != count:
            shown = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
            raise DataError(
                f"{self.items.name} has {len(known)} classes ({shown}), the entry {count}; correct `classes`."
            )
        for number, name in enumerate(named if isinstance(named, list) else ()):
            if name in known and known.index(name) != number:
                raise DataError(
                    f"{self.items.name}: class {number} is {known[number]!r}, in the entry {name!r}; put `classes` "
                    "into the order of the data set."
                )

    def item(self, number: int) -> tuple[Image.Image, np.ndarray]:
        """An image, and its label (), its mask (H, W), or -1, as arrays of numbers. Raises DataError for others."""
        found = self.items.item(number)
        where = f"{self.items.name}, item {number}"
        if not isinstance(found, tuple) or len(found) != 2:
            raise DataError(f"{where} is no pair of an image and a {self.wanted}; choose another data set.")
        image = picture(found[0], where)
        if self.masked:
            return image, self.mask(found[1], image, where)
        if not self.labelled:
            return image, np.array(-1)
        label = found[1].item() if hasattr(found[1], "item") else found[1]
        if isinstance(label, bool) or not isinstance(label, int):
            raise DataError(f"{where} has the label {label!r:.60}, not a number; choose other arguments or columns.")
        return image, np.array(label - self.source.get("first", 0))

    def mask(self, given: Any, image: Image.Image, where: str) -> np.ndarray:
        """A mask (H, W) uint8 of an image, in its size."""
        mask = np.asarray(given)
        if mask.ndim == 3 and 1 in (mask.shape[0], mask.shape[-1]):
            mask = mask.squeeze(0 if mask.shape[0] == 1 else -1)
        if mask.ndim != 2 or not np.issubdtype(mask.dtype, np.integer) and mask.dtype != bool:
            raise DataError(f"{where} has no mask of numbers (its shape is {mask.shape}); choose other arguments.")
        if mask.shape != (image.height, image.width):
            size = f"{mask.shape[1]}x{mask.shape[0]}"
            raise DataError(
                f"{where}: the mask is {size} pixels, its image {image.width}x{image.height}; leave it out."
            )
        return (mask.astype(np.int64) - self.source.get("first", 0)).astype(np.uint8)

    @property
    def wanted(self) -> str:
        """What the entry needs beside an image."""
        return "mask" if self.masked else "label"

    def images(self, numbers: range, changes: Changes) -> np.ndarray:
        """Images (n, C, H, W) uint8 in the entry's shape."""
        made = []
        for number in numbers:
            where = Path(f"{self.items.name}, item {number}")
            pixels, said = pixels_of(self.item(number)[0], where, self.shape, self.source.get("fit", "exact"))
            changes.update((what, where) for what in said)
            made.append(pixels)
        return np.stack(made)

    def masks(self, numbers: range) -> np.ndarray:
        """Masks (n, H, W) uint8 in the entry's shape."""
        _, height, width = self.shape
        made = []
        for number in numbers:
            mask = Image.fromarray(self.item(number)[1])
            if self.source.get("fit", "exact") == "crop":
                mask = ImageOps.fit(mask, (width, height), Image.Resampling.NEAREST)
            elif mask.size != (width, height):
                raise wrong_size(Path(f"{self.items.name}, item {number}"), mask.size, (width, height))
            made.append(np.asarray(mask))
        return np.stack(made)


def picture(given: Any, where: str) -> Image.Image:
    """An image as Pillow's; of an array or tensor, bytes (H, W), (H, W, C) or (C, H, W)."""
    if isinstance(given, Image.Image):
        return given
    values = np.asarray(given)
    if values.dtype != np.uint8 or values.ndim not in (2, 3):
        raise DataError(f"{where} is {type(given).__name__}, no image; choose a data set of images.")
    if values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[-1] not in (1, 3):
        values = values.transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(values.squeeze(-1) if values.shape[-1] == 1 else values))


def joined(parts: list[Read], changes: Changes) -> Part:
    """Parts of a data set as one, one behind the other."""

    def chunks(read: Callable[[Read, range], np.ndarray]) -> Iterator[np.ndarray]:
        for part in parts:
            step = chunk_length(part.shape)
            for start in range(0, len(part.labels), step):
                yield read(part, range(start, min(start + step, len(part.labels))))

    masks = (lambda: chunks(Read.masks)) if parts[0].masked else None
    labels = np.concatenate([part.labels for part in parts])
    return Part(labels, lambda: chunks(lambda part, numbers: part.images(numbers, changes)), masks)
