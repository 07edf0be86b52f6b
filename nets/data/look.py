"""A look at prepared data as a whole, before anything learns from them.

What would make every number meaningless is refused. What makes numbers doubtful becomes a note, which `prepare` prints
and the report shows beside the numbers.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nets.data.normalisation import flat_channels
from nets.errors import DataError

FAR = 0.1  # by how much the largest class may exceed an equal share of the images, without a note
FAR_PIXELS = 0.8  # the largest share of a class's pixels without a note; most pixels are often ground
WORDS = {"train": "training", "validation": "validation", "test": "test"}
MOST_NAMES = 5  # in a note
PAIRS = (("validation", "train"), ("test", "train"), ("test", "validation"))

Digests = Mapping[str, list[bytes]]  # of the pixels of each image, by split
Counts = Mapping[str, list[int] | None]  # images or pixels of each class, by split; None without classes


def look(
    where: str, entry: dict, digests: Digests, labels: Mapping[str, np.ndarray], counts: Counts, std: list[float]
) -> dict[str, Any]:
    """What `dataset.json` records of the look: notes, and the numbers behind them.

    `labels` (n,) are by split, -1 without labels. `std` holds the measured one of each channel of the training images;
    it is empty if there are none. Raises DataError, which names the data set as `where`, if no number could mean
    anything.
    """
    shared = {f"{a} in {b}": len(in_both(digests[a], digests[b])) for a, b in PAIRS}
    ambiguous = in_two_classes(digests, labels)
    refuse(where, digests, counts, shared, ambiguous)
    notes = [f"Channel {number + 1} of the training images hardly varies." for number in flat_channels(std)]
    for split, values in digests.items():
        if values and 2 * len(set(values)) <= len(values):
            notes.append(f"The {len(values):,} {WORDS[split]} images are only {len(set(values)):,} different ones.")
    for a, b in PAIRS:
        if count := shared[f"{a} in {b}"]:
            also = f"is also a {WORDS[b]} image" if count == 1 else f"are also {WORDS[b]} images"
            notes.append(f"{count:,} of the {len(digests[a]):,} {WORDS[a]} images {also}.")
    if ambiguous:
        first, second = (name_of(entry, label) for label in sorted(next(iter(ambiguous.values())))[:2])
        number = f"{len(ambiguous):,} images are" if len(ambiguous) > 1 else "1 image is"
        notes.append(f"{number} in several classes, such as {first} and {second}.")
    notes += notes_on_classes(entry, counts)
    distinct = {split: len(set(values)) for split, values in digests.items()}
    return {"notes": notes, "distinct": distinct, "shared": shared, "in_two_classes": len(ambiguous)}


def digests_of(images: np.ndarray) -> list[bytes]:
    """A digest of the pixels of each image (n, C, H, W)."""
    return [hashlib.blake2b(image.data, digest_size=16).digest() for image in np.ascontiguousarray(images)]


def class_pixels(path: Path, rows: np.ndarray, classes: int) -> list[int]:
    """How many pixels each class has in the masks `rows` of a file; void pixels do not count."""
    masks, total = np.load(path, mmap_mode="r"), np.zeros(256, np.int64)
    for start in range(0, len(rows), 256):
        total += np.bincount(masks[rows[start : start + 256]].ravel(), minlength=256)
    return total[:classes].tolist()


def in_both(these: list[bytes], others: list[bytes]) -> list[bytes]:
    """Those of `these` that are among the others."""
    known = set(others)
    return [each for each in these if each in known]


def in_two_classes(digests: Digests, labels: Mapping[str, np.ndarray]) -> dict[bytes, set[int]]:
    """The images that have several labels, in one split or in several, with these labels."""
    found: dict[bytes, set[int]] = {}
    for split, values in digests.items():
        for digest, label in zip(values, labels[split].tolist(), strict=True):
            found.setdefault(digest, set()).add(label)
    return {digest: classes for digest, classes in found.items() if len(classes) > 1}


def refuse(
    where: str, digests: Digests, counts: Counts, shared: dict[str, int], ambiguous: Mapping[bytes, set[int]]
) -> None:
    """Raise DataError for data from which no number could mean anything."""
    for split, values in digests.items():
        if len(values) > 1 and len(set(values)) == 1:
            raise DataError(f"{where}: all {len(values):,} {WORDS[split]} images are the same; look at the files.")
    if 2 * shared["test in train"] > len(digests["test"]):
        raise DataError(
            f"{where}: {shared['test in train']:,} of the {len(digests['test']):,} test images are in training too; "
            "a test needs images of its own."
        )
    learning = digests["train"]
    if 2 * sum(digest in ambiguous for digest in learning) > len(learning):
        raise DataError(f"{where}: more than half of the training images are in several classes; look at the folders.")
    for split, numbers in counts.items():
        present = sum(number > 0 for number in numbers or ())
        if numbers and digests[split] and not present:
            raise DataError(f"{where}: no {WORDS[split]} mask has a pixel that counts; correct the masks, or `void`.")
        if split == "train" and present == 1:
            raise DataError(f"{where}: all training data are of one class: there is nothing to learn; add the others.")


def notes_on_classes(entry: dict, counts: Counts) -> Iterator[str]:
    """Which classes a split lacks, and whether one class is most of the test data."""
    unit = "pixel" if "masks" in entry else "image"
    for split, numbers in counts.items():
        if not numbers or not sum(numbers):
            continue
        absent = [name_of(entry, label) for label, number in enumerate(numbers) if not number]
        if absent:
            shown = ", ".join(absent[:MOST_NAMES]) + (
                f" and {len(absent) - MOST_NAMES} more" * (len(absent) > MOST_NAMES)
            )
            yield f"No {WORDS[split]} {unit} is of {shown}."
        share = max(numbers) / sum(numbers)
        if split == "test" and share > (FAR_PIXELS if "masks" in entry else 1 / len(numbers) + FAR):
            largest = name_of(entry, numbers.index(max(numbers)))
            always = f"{100 * share:.1f} % of the test {unit}s are of {largest}: always answering that"
            present = sum(number > 0 for number in numbers)
            result = f"has a mean IoU of {100 * share / present:.1f} %" if "masks" in entry else "is right as often"
            yield f"{always} {result}."


def name_of(entry: dict, label: int) -> str:
    """The name of a class, or its number."""
    return entry["classes"][label] if isinstance(entry["classes"], list) else f"class {label}"
