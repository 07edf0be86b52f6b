"""MNIST's own format: IDX files, compressed or not."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from nets.data.loaded import Loaded, Part
from nets.errors import DataError, SourceUnavailable
from nets.files import verify

FILES = {
    "learning": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
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
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _array(path: Path, sha256: str) -> np.ndarray:
    """The verified content of a file as uint8, in the shape that its header states."""
    remedy = "fetch it again or delete it"
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: it can't be decompressed ({error}); {remedy}.") from error
    verify(content, sha256, remedy, str(path))
    if content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise DataError(f"{path} is not an IDX file of bytes: it starts with {content[:4].hex()}; {remedy}.")
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    pixels = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if pixels.size != np.prod(shape):
        size = "x".join(map(str, shape))
        raise DataError(f"{path} holds {pixels.size} bytes, but its header says {size}; {remedy}.")
    return pixels.reshape(shape)


def _part(folder: Path, images: np.ndarray, labels: np.ndarray) -> Part:
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(f"{folder} is inconsistent: images {images.shape}, labels {labels.shape}.")
    return Part.of(images[:, None], labels)
