"""Opening prepared data: uint8 images mapped into memory, labels, and the index list of one split.

Train and validation are in the folder `learning`, test is in `test`. So opening train or validation opens no file of
the test data.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nets.errors import DataError
from nets.files import sha256, verify

PART = {"train": "learning", "validation": "learning", "test": "test"}  # the folder that holds a split


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a prepared data set.

    `images` (N, C, H, W) uint8 and `labels` (N,) int64 (-1: none) belong to the learning or the test part. `indices`
    (n,) int64 are the rows of this split. `info` is `dataset.json`. `masks` (N, H, W) uint8, if the set has them, hold
    the class of every pixel, or `info["void"]`.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    info: dict
    masks: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indices)


def read_info(folder: Path) -> dict:
    """The content of `dataset.json`. Raises DataError if it is missing or can't be read."""
    path = Path(folder) / "dataset.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: prepare the data set first.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged ({error}); delete the folder and prepare it again.") from None


def images_sha256(info: dict, split: str) -> str:
    """A hash that identifies the images of a split, made of the hashes of its array and its index list."""
    hashes = (info["hashes"][f"{PART[split]}/{file}.npy"] for file in ("images", split))
    return sha256(" ".join(hashes).encode())


def open_split(folder: Path, split: str, hashed: bool = True) -> Split:
    """Open `train`, `validation` or `test` of a prepared folder.

    The hash of the index list is always verified, those of images, labels and masks only if `hashed`. Raises DataError
    if files are missing or changed, or if the data set was not available.
    """
    folder = Path(folder)
    if split not in PART:
        raise ValueError(f"no split is called {split!r}")
    info = read_info(folder)
    if info["status"] != "ok":
        raise DataError(info["reason"])
    part = PART[split]
    indices = _open(folder, f"{part}/{split}.npy", info, hashed=True)
    labels = _open(folder, f"{part}/labels.npy", info, hashed)
    images = _open(folder, f"{part}/images.npy", info, hashed, mmap_mode="c")  # copy on write: never to the file
    shape = (len(labels), *info["shape"])
    if images.shape != shape or len(indices) != info["counts"][split]:
        raise DataError(f"{folder}: {part}/images.npy is {images.shape}, expected {shape}; prepare it again.")
    masks = None
    if f"{part}/masks.npy" in info["hashes"]:
        masks = _open(folder, f"{part}/masks.npy", info, hashed, mmap_mode="c")
    return Split(images, labels, indices, info, masks)


def _open(folder: Path, name: str, info: dict, hashed: bool, mmap_mode: Literal["c"] | None = None) -> np.ndarray:
    path = folder / name
    try:
        if hashed:
            verify(path, info["hashes"][name], f"delete {folder} and prepare it again")
        return np.load(path, mmap_mode=mmap_mode)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path} is missing; delete {folder} and prepare it again.") from None
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); delete {folder} and prepare it again.") from None
