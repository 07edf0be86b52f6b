"""Small data sets of every kind, and the real ones if the machine has them.

The real ones are tests/conftest.py's `real_data`; every test itself sees an empty `$NETS_DATA` of its own, and no
network.
"""

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nets.data.preparation import prepare


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `$NETS_DATA`, and no downloads."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("NETS_DATA", str(folder))
    monkeypatch.setenv("NETS_OFFLINE", "1")
    return folder


@pytest.fixture(scope="session")
def mnist5k(catalogue: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared 5,000 digits; don't change them."""
    out = tmp_path_factory.mktemp("mnist5k")
    prepare("mnist5k", catalogue["mnist5k"], out)
    return out


@pytest.fixture
def make_entry() -> Callable[..., dict]:
    """A catalogue entry: 2 classes of 1x4x4 images, with the given sources."""

    def make(*sources: dict, **changes: object) -> dict:
        entry = {"title": "Tiny", "shape": [1, 4, 4], "classes": ["cat", "dog"], "mean": None, "std": None}
        entry |= {"splits": {"validation": 4, "test": 4, "seed": 0}, "sources": list(sources)}
        return entry | {"licence": "MIT", "citation": "none", "url": None} | changes

    return make


@pytest.fixture
def make_idx() -> Callable[..., dict]:
    """Writes IDX files of 20 learning and 10 test images; returns the source that describes them."""

    def make(folder: Path, gz: bool = False, learning: int = 20, test: int = 10) -> dict:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.RandomState(0)
        hashes = {}
        for prefix, count in (("train", learning), ("t10k", test)):
            images = random.randint(0, 256, (count, 4, 4), np.uint8)
            labels = np.arange(count, dtype=np.uint8) % 2
            for name, array in (("images-idx3", images), ("labels-idx1", labels)):
                header = struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape)
                content = header + array.tobytes()
                file = f"{prefix}-{name}-ubyte"
                hashes[file] = hashlib.sha256(content).hexdigest()
                if gz:
                    (folder / f"{file}.gz").write_bytes(gzip.compress(content))
                else:
                    (folder / file).write_bytes(content)
        return {"kind": "idx", "folders": [folder.name], "sha256": hashes}

    return make


@pytest.fixture
def make_images() -> Callable[..., None]:
    """Writes `count` images of `size` (width, height) in a folder, as 00.png or 00.jpg, ..."""

    def make(folder: Path, count: int, size: tuple[int, int] = (4, 4), suffix: str = "png", seed: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.RandomState(seed)
        for number in range(count):
            pixels = random.randint(0, 256, (size[1], size[0], 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:02}.{suffix}")

    return make


@pytest.fixture
def flip() -> Callable[[Path], None]:
    """Flips one bit in the middle of a file."""

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    return change
