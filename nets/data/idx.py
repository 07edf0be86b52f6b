"""MNIST's own format: IDX files, compressed or not."""

import gzip
import hashlib
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nets.data.loaded import Loaded, Part
from nets.errors import DataError, SourceUnavailable
from nets.files import verify

FILES = {
    "learning": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
MOST_BYTES = 1 << 30  # of one file; the largest set in this format, EMNIST, has 547 MB
MOST_DIMENSIONS = 3
PIECE = 1 << 20
REMEDY = "fetch it again or delete it"
NAMES = [name for pair in FILES.values() for name in pair]


def read(entry: dict, source: dict, root: Path) -> Loaded:
    """The four IDX files in the first of `source["folders"]` that holds any of them."""
    for folder in (root / name for name in source["folders"]):
        paths = {name: _find(folder, name) for name in NAMES}
        if any(paths.values()):
            break
    else:
        hint = f", or {source['hint']}" if "hint" in source else ""
        first = root / source["folders"][0]
        raise SourceUnavailable(f"put {NAMES[0]} and the three files beside it (or .gz) into {first}{hint}")
    present = {name: path for name, path in paths.items() if path is not None}
    missing = [name for name in NAMES if name not in present]
    if missing:
        raise DataError(f"{folder} is incomplete: {', '.join(missing)} (or .gz) is missing; add it.")
    arrays = {name: _array(path, source["sha256"][name]) for name, path in present.items()}
    learning, test = (_part(folder, arrays[i], arrays[j]) for i, j in FILES.values())
    return Loaded(learning, test, kind="idx", location=str(folder), canonical=True, sha256=dict(source["sha256"]))


def _find(folder: Path, name: str) -> Path | None:
    there = [path for path in (folder / name, folder / f"{name}.gz") if path.exists()]
    if there and not there[0].is_file():
        raise DataError(f"{there[0]} is not a regular file; {REMEDY}.")
    return there[0] if there else None


def _array(path: Path, sha256: str) -> np.ndarray:
    """The verified content of a file as uint8, in the shape that its header states.

    The content is hashed before it is kept, and no more of it is read than the header announces.
    """
    header, shape = _header(path)
    length = len(header) + math.prod(shape)
    digest, found = hashlib.sha256(), 0
    for piece in _pieces(path, length + 1):
        digest.update(piece)
        found += len(piece)
    if found != length:
        size = "x".join(map(str, shape))
        more = "more than " if found > length else ""
        held = f"{more}{min(found, length) - len(header)} bytes"
        raise DataError(f"{path} holds {held}, but its header says {size}; {REMEDY}.")
    if digest.hexdigest() != sha256:
        raise DataError(f"{path} is damaged: its SHA-256 is {digest.hexdigest()}, expected {sha256}; {REMEDY}.")
    content = b"".join(_pieces(path, length))
    verify(content, sha256, REMEDY, str(path))  # the file may be another one by now
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def _header(path: Path) -> tuple[bytes, tuple[int, ...]]:
    """The header of a file and the shape that it states. Raises DataError if it is no IDX file of bytes."""
    header = b"".join(_pieces(path, 4 + 4 * MOST_DIMENSIONS))
    dimensions = header[3] if len(header) > 3 else 0
    shape = [int.from_bytes(header[start : start + 4], "big", signed=True) for start in range(4, 4 + 4 * dimensions, 4)]
    right = header[:3] == b"\0\0\x08" and 1 <= dimensions <= MOST_DIMENSIONS and len(header) >= 4 + 4 * dimensions
    if not right or min(shape) < 1:
        raise DataError(f"{path} is not an IDX file of bytes: it starts with {header[:4].hex()}; {REMEDY}.")
    if math.prod(shape) > MOST_BYTES:
        raise DataError(f"{path} announces {math.prod(shape):,} bytes, more than {MOST_BYTES:,}; {REMEDY}.")
    return header[: 4 + 4 * dimensions], tuple(shape)


def _pieces(path: Path, length: int) -> Iterator[bytes]:
    """The first `length` bytes of a file, after decompression, in pieces."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            while length and (piece := file.read(min(length, PIECE))):
                length -= len(piece)
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: it can't be decompressed ({error}); {REMEDY}.") from error


def _part(folder: Path, images: np.ndarray, labels: np.ndarray) -> Part:
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(f"{folder} is inconsistent: images {images.shape}, labels {labels.shape}.")
    return Part.of(images[:, None], labels)
