"""The canonical Python batches of CIFAR-10 and CIFAR-100, from the extracted folder or the archive.

Batches are pickles, and a pickle can run any code. So nothing is unpickled before its hash is verified, and then only
arrays are. The archive is compared with the catalogue's SHA-256, the files of an extracted folder with torchvision's
MD5s.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from nets.data.listing import is_folder
from nets.data.loaded import Loaded, Part
from nets.errors import DataError, SourceUnavailable
from nets.files import read_bounded, read_verified, sha256

MOST_BYTES = 1 << 28  # of an archive or a batch; the largest archive has 170 MB, the largest batch 155 MB
REMEDY = "fetch it again or delete it"
BROKEN = (pickle.UnpicklingError, EOFError, LookupError, AttributeError, TypeError, ValueError, RecursionError)


def read(entry: dict, source: dict, root: Path) -> Loaded:
    """CIFAR from `root/folder`, or from `root/archive`."""
    folder, archive = root / source["folder"], root / source["archive"]
    if is_folder(folder):
        location, contents, hashes = folder, *_from_folder(source, folder)
    elif archive.exists():
        location, contents, hashes = archive, *_from_archive(source, archive)
    else:
        raise SourceUnavailable(f"put the folder {folder.name} or {archive.name} into {folder.parent}")
    kind = _torchvision_class(source)
    learning = _part(location, [contents[name] for name, _ in kind.train_list])
    test = _part(location, [contents[name] for name, _ in kind.test_list])
    return Loaded(learning, test, "cifar_batches", str(location), canonical=True, sha256=hashes)


def _torchvision_class(source: dict) -> type[Any]:
    from torchvision import datasets

    return getattr(datasets, source["class"])


def _from_folder(source: dict, folder: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    kind = _torchvision_class(source)
    contents = {}
    for name, md5 in kind.train_list + kind.test_list:
        path, remedy = folder / name, f"extract {kind.filename} again"
        if not path.exists():
            raise DataError(f"{folder} is incomplete: {name} is missing; {remedy}.")
        contents[name] = read_bounded(path, remedy, MOST_BYTES)
        if hashlib.md5(contents[name], usedforsecurity=False).hexdigest() != md5:
            raise DataError(f"{path} is damaged: its MD5 is not {md5}; {remedy}.")
    hashes = {name: sha256(content) for name, content in contents.items()}
    return contents, hashes


def _from_archive(source: dict, archive: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    packed = read_verified(archive, source["sha256"], REMEDY, MOST_BYTES)
    kind = _torchvision_class(source)
    contents = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for name, _ in kind.train_list + kind.test_list:
                member = tar.extractfile(f"{source['folder']}/{name}")
                content = member.read(MOST_BYTES + 1) if member else b""
                if not 0 < len(content) <= MOST_BYTES:
                    raise ValueError(f"{name} is no file, or too large")
                contents[name] = content
    except (*BROKEN, tarfile.TarError, OSError, zlib.error) as error:  # a user's entry may name any archive's hash
        raise DataError(f"{archive} is not CIFAR's ({error}); {REMEDY}.") from None
    return contents, {archive.name: source["sha256"]}


def _part(location: Path, batches: list[bytes]) -> Part:
    """One part from its verified batches (n, 3072) uint8, one channel after another."""
    images: list[np.ndarray] = []
    labels: list[int] = []
    for content in batches:
        try:
            batch = Batch(io.BytesIO(content), encoding="latin1").load()
            images.append(batch["data"].pixels.reshape(-1, 3, 32, 32))
            labels.extend(batch["labels"] if "labels" in batch else batch["fine_labels"])
        except BROKEN as error:
            raise DataError(f"{location} is not CIFAR's ({error}); fetch it again.") from None
    pixels = np.concatenate(images)
    if len(pixels) != len(labels):
        raise DataError(f"{location} is inconsistent: {len(pixels)} images, {len(labels)} labels.")
    return Part.of(pixels, np.array(labels))


class _Bytes:
    """Stands in for numpy's type of bytes, and refuses all others."""

    def __init__(self, code: str, *_: Any):
        if code not in ("u1", "|u1", "uint8"):
            raise pickle.UnpicklingError(f"it has an array of {code!r}")

    def __setstate__(self, state: Any) -> None:
        """Ignore the rest: a byte has no order and no fields."""


class _Array:
    """Stands in for numpy's array while a pickle is read; `pixels` has its content."""

    def __init__(self, *_: Any):
        self.pixels = np.zeros(0, np.uint8)

    def __setstate__(self, state: tuple) -> None:
        """Take what `numpy.ndarray.__reduce__` gives."""
        _, shape, _, fortran, content = state
        data = content.encode("latin1") if isinstance(content, str) else content
        self.pixels = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


def _from_buffer(content: bytes, _: _Bytes, shape: tuple, order: str) -> _Array:
    """An array as pickles of protocol 5 hold it."""
    array = _Array()
    array.__setstate__((1, shape, None, order == "F", content))
    return array


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as pickles of protocol 2 hold them."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it has bytes in the encoding {encoding!r}")
    return text.encode("latin1")


class Batch(pickle.Unpickler):
    """Reads numbers, texts, containers of them and arrays of bytes. Raises UnpicklingError for anything else.

    numpy's own names are not called: `numpy.ndarray` can be told to read any memory.
    """

    KNOWN = {
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Bytes,
        ("_codecs", "encode"): _encode,
        **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
        **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    }

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for."""
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return self.KNOWN[module, name]
