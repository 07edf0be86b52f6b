"""What a reader of a source returns: images in chunks, labels, and where they come from."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class Part:
    """The learning or the test part of a source.

    `labels` is (N,) int64, -1 for unlabelled images. `chunks()` yields the N images in order, as (n, C, H, W) uint8.
    `masks()`, if there are masks, yields the class of every pixel as (n, H, W) uint8.
    """

    labels: np.ndarray
    chunks: Callable[[], Iterator[np.ndarray]]
    masks: Callable[[], Iterator[np.ndarray]] | None = None

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray, masks: np.ndarray | None = None) -> "Part":
        """A part made of arrays in memory: images (N, C, H, W) uint8, labels (N,), and masks (N, H, W) uint8 if any."""
        step = chunk_length(images.shape[1:])
        starts = range(0, len(images), step)
        given = None if masks is None else lambda: (masks[i : i + step] for i in starts)
        return cls(labels.astype(np.int64), lambda: (images[i : i + step] for i in starts), given)

    def identity(self) -> str:
        """SHA-256 of all images with their labels, in whatever order and files they come.

        It is taken over the sorted SHA-256s of the images: each of a label (int64, little endian) and the pixels behind
        it, (C, H, W) uint8.
        """
        images = (image for chunk in self.chunks() for image in chunk)
        digests = [
            hashlib.sha256(label.astype("<i8").tobytes() + image.tobytes()).digest()
            for label, image in zip(self.labels, images, strict=True)
        ]
        return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


@dataclass(frozen=True, eq=False)
class Loaded:
    """A verified source.

    `canonical`: the pixels are bit for bit the published ones. `validation`: the number of images at the end of the
    learning part that are the source's own validation part, if it has one. `passed_by`: the files of a folder that were
    not taken (`Listing.account`). `changes`: what was changed on reading, and of which files; complete once all images
    have been read.
    """

    learning: Part
    test: Part | None
    kind: str
    location: str
    canonical: bool
    sha256: dict[str, str]
    validation: int | None = None
    passed_by: list[dict] = field(default_factory=list)
    changes: set[tuple[str, Path]] = field(default_factory=set)


def chunk_length(shape: tuple[int, ...]) -> int:
    """How many images of `shape` (C, H, W) make a chunk of about 32 MiB."""
    return max(1, CHUNK_BYTES // int(np.prod(shape)))
