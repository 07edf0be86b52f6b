"""Opening prepared data: uint8 images mapped into memory, labels, and the index list of one split.

Some data sets have labels for only a part of their training images. The seed of a run draws that part when it is
opened, so that an interval over seeds includes the choice of images.

Train and validation are in the folder `learning`, test is in `test`. So opening train or validation opens no file of
the test data.
"""

import json
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

import numpy as np

from nets.data.splits import draw_labelled
from nets.errors import DataError
from nets.files import read_json, sha256, verify

PART = {"train": "learning", "validation": "learning", "test": "test"}  # the folder that holds a split


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a prepared data set.

    `images` (N, C, H, W) uint8 and `labels` (N,) int64 (-1: none) belong to the learning or the test part. `indices`
    (n,) int64 are the rows of this split. `info` is `dataset.json`. `masks` (N, H, W) uint8, if the set has them, hold
    the class of every pixel, or `info["void"]`. `unlabelled` (m,) int64 are the rows of training images that the run
    may see without their labels, which are -1; there are some only in `train` of a data set with few labels.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    info: dict
    masks: np.ndarray | None = None
    unlabelled: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.indices)


def read_info(folder: Path) -> dict:
    """The content of `dataset.json`. Raises DataError if it is missing or can't be read."""
    path = Path(folder) / "dataset.json"
    if not path.exists():
        raise DataError(f"{path} is missing: prepare the data set first.")
    return read_json(path, "delete the folder and prepare it again")


def majority(info: dict, split: str) -> float:
    """The share of the most frequent class among the images of a split, or the pixels of its masks; 0 if none has one.

    `info` is `dataset.json`.
    """
    counts = info["class_pixels"].get(split) or info["class_counts"][split] or [0]
    return max(counts) / max(sum(counts), 1)


def images_sha256(info: dict, split: str, seed: int | None = None) -> str:
    """A hash that identifies the images of a split, made of the hashes of its array and its index list.

    If the run's `seed` draws them (see `open_split`), it is a part of the hash.
    """
    hashes = [info["hashes"][f"{PART[split]}/{file}.npy"] for file in ("images", split)]
    drawn = [json.dumps(info["splits"]), str(seed)] if is_drawn(info, split) else []
    return sha256(" ".join(hashes + drawn).encode())


def is_drawn(info: dict, split: str) -> bool:
    """Whether the images of a split depend on the run's seed: training images of which only some are labelled."""
    return split == "train" and "labelled" in info.get("splits", {})


def open_split(folder: Path, split: str, seed: int | None = None, hashed: bool = True) -> Split:
    """Open `train`, `validation` or `test` of a prepared folder.

    Where only some training images have labels, `train` has these, drawn by the run's `seed`, which must be given. The
    hash of the index list is always verified, those of images, labels and masks only if `hashed`. Raises DataError if
    files are missing or changed, or if the data set was not available.
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
    images = _open(folder, f"{part}/images.npy", info, hashed, mapped=True)
    shape = (len(labels), *info["shape"])
    if images.shape != shape or len(indices) != info["counts"][split]:
        raise DataError(f"{folder}: {part}/images.npy is {images.shape}, expected {shape}; prepare it again.")
    masks = None
    if f"{part}/masks.npy" in info["hashes"]:
        masks = _open(folder, f"{part}/masks.npy", info, hashed, mapped=True)
    unlabelled = indices[:0]
    if is_drawn(info, split):
        if seed is None:
            raise ValueError(f"{folder}: the training images depend on a run's seed; none was given")
        whole, indices = indices, indices[draw_labelled(labels[indices], info["splits"], seed)]
        unlabelled = np.setdiff1d(whole, indices)
        labels[unlabelled] = -1
    return Split(images, labels, indices, info, masks, unlabelled)


def _open(folder: Path, name: str, info: dict, hashed: bool, mapped: bool = False) -> np.ndarray:
    path = folder / name
    try:
        with open(path, "rb") as file:  # once: what is verified is what is read
            if hashed:
                verify(file, info["hashes"][name], f"delete {folder} and prepare it again", str(path))
            file.seek(0)
            return _mapped(file) if mapped else np.load(file)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path} is missing; delete {folder} and prepare it again.") from None
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); delete {folder} and prepare it again.") from None


def _mapped(file: BufferedReader) -> np.ndarray:
    """The array of an open .npy file, mapped into memory. Copy on write: changes never get into the file."""
    version = np.lib.format.read_magic(file)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if version != (1, 0) or fortran or dtype.hasobject:
        raise ValueError("not an array of numbers, as `prepare` writes them")
    return np.memmap(file, dtype, "c", file.tell(), shape)
