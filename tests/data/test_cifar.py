"""CIFAR's Python batches: small ones, with their own hashes."""

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest
from PIL import Image

from nets.data.sources import load
from nets.errors import DataError

BATCHES = ["data_batch_1", "data_batch_2", "test_batch"]


class Bomb:
    """What an unverified pickle may do when it is opened."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('opened')",))


class Python2(pickle.Pickler):
    """Writes arrays as Python 2 and numpy 1 did: numpy.core, and a type with `align` as a number."""

    def reducer_override(self, value):
        if isinstance(value, np.dtype):
            return np.dtype, ("u1", 0, 1), (3, "|", None, None, None, -1, -1, 0)
        if isinstance(value, np.ndarray):
            from numpy.core.multiarray import _reconstruct

            state = (1, value.shape, value.dtype, False, value.tobytes())
            return _reconstruct, (np.ndarray, (0,), b"b"), state
        return NotImplemented


@pytest.fixture
def batches(monkeypatch):
    """Contents of three small batches, whose MD5s torchvision's class is patched to expect."""
    from torchvision.datasets import CIFAR10

    random = np.random.RandomState(0)
    contents = {}
    for name in BATCHES:
        data = random.randint(0, 256, (10, 3072), np.uint8)
        file = io.BytesIO()
        Python2(file, protocol=2).dump({"data": data, "labels": [0, 1] * 5})
        contents[name] = file.getvalue()
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5[name]] for name in BATCHES[:2]])
    monkeypatch.setattr(CIFAR10, "test_list", [[name, md5[name]] for name in BATCHES[2:]])
    return contents


def make_source(sha256="0" * 64):
    names = {"folder": "cifar-10-batches-py", "archive": "cifar-10-python.tar.gz"}
    return {"kind": "cifar_batches", "class": "CIFAR10", **names, "sha256": sha256}


def write_folder(root, contents):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(root, contents):
    path = root / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_folder(root, make_entry, batches):
    write_folder(root, batches)
    loaded = load(make_entry(make_source()), root)
    images = np.concatenate(list(loaded.learning.chunks()))
    expected = np.random.RandomState(0).randint(0, 256, (10, 3, 32, 32), np.uint8)
    assert images.shape == (20, 3, 32, 32) and len(loaded.test.labels) == 10
    np.testing.assert_array_equal(images[:10], expected)
    np.testing.assert_array_equal(loaded.learning.labels, [0, 1] * 10)
    assert loaded.canonical and set(loaded.sha256) == set(BATCHES)


def test_archive_is_the_same(root, make_entry, batches):
    path, sha256 = write_archive(root, batches)
    loaded = load(make_entry(make_source(sha256)), root)
    assert loaded.location == str(path)
    path.unlink()
    write_folder(root, batches)
    folder = load(make_entry(make_source()), root)
    np.testing.assert_array_equal(*(np.concatenate(list(source.test.chunks())) for source in (loaded, folder)))


def test_a_folder_of_the_same_images_has_the_same_identity(root, make_entry, batches):
    path = write_folder(root, batches)
    official = load(make_entry(make_source()), root)
    for part, loaded in (("train", official.learning), ("test", official.test)):
        (images,) = loaded.chunks()
        for number, (image, label) in enumerate(zip(images, loaded.labels, strict=True)):
            folder = root / "copy" / part / ("cat", "dog")[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{-number}.png")
    pixels = {"train": official.learning.identity(), "test": official.test.identity()}
    path.rename(root / "away")
    copy = {"kind": "class_folder", "folder": "copy", "pixels": pixels}
    assert load(make_entry(make_source(), copy, shape=[3, 32, 32]), root).canonical


def test_identity_is_that_of_its_definition(root, make_entry, batches):
    write_folder(root, batches)
    part = load(make_entry(make_source()), root).test
    (images,) = part.chunks()
    each = [
        hashlib.sha256(struct.pack("<q", k) + bytes(i.ravel())).digest()
        for i, k in zip(images, part.labels, strict=True)
    ]
    assert part.identity() == hashlib.sha256(b"".join(sorted(each))).hexdigest()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_lossless_copies_count_as_canonical_and_jpeg_copies_do_not(catalogue, real_data, name):
    folder = real_data(name)
    loaded = load(catalogue[name], folder.parent)
    assert loaded.canonical == (not list(folder.glob("train/*/*.jpg")))


def test_fine_labels(root, make_entry, batches, monkeypatch):
    from torchvision.datasets import CIFAR10

    content = pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "fine_labels": [1, 0], "coarse_labels": [5, 5]})
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", hashlib.md5(content).hexdigest()]])
    write_folder(root, batches | {"test_batch": content})
    np.testing.assert_array_equal(load(make_entry(make_source()), root).test.labels, [1, 0])


def test_damaged_batch_is_never_unpickled(root, make_entry, batches):
    folder = write_folder(root, batches)
    (folder / "test_batch").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="test_batch is damaged: its MD5 is not .*extract .*tar.gz again"):
        load(make_entry(make_source()), root)


def numpys(name, *arguments):
    """Something whose pickle calls a name of numpy."""
    return type("Call", (), {"__reduce__": lambda _: (getattr(np, name), arguments)})()


@pytest.mark.parametrize(
    "batch",
    [
        {"data": Bomb(), "labels": [0]},
        {"data": np.array([[None]]), "labels": [0]},
        {"data": numpys("ndarray", (1,), np.dtype(object), b"12345678"), "labels": [0]},  # would read any memory
        {"data": numpys("memmap", "/dev/zero"), "labels": [0]},
        {"data": np.zeros((1, 3072)), "labels": [0]},
        {"data": np.zeros((1, 7), np.uint8), "labels": [0]},
        ["no dictionary"],
        {"data": np.zeros((1, 3072), np.uint8)},
    ],
    ids=["bomb", "objects", "any memory", "any file", "floats", "short", "a list", "no labels"],
)
def test_a_batch_of_the_right_hash_holds_arrays_or_nothing(root, make_entry, batches, monkeypatch, batch):
    from torchvision.datasets import CIFAR10

    content = pickle.dumps(batch)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", hashlib.md5(content).hexdigest()]])
    write_folder(root, batches | {"test_batch": content})
    with pytest.raises(DataError, match="is not CIFAR's .*; fetch it again"):
        load(make_entry(make_source()), root)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(root, make_entry, batches, monkeypatch, protocol):
    from torchvision.datasets import CIFAR10

    images = np.random.RandomState(1).randint(0, 256, (2, 3072), np.uint8)
    content = pickle.dumps({"data": images, "labels": [1, 0], "filenames": ["a.png"]}, protocol)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", hashlib.md5(content).hexdigest()]])
    write_folder(root, batches | {"test_batch": content})
    (chunk,) = load(make_entry(make_source()), root).test.chunks()
    np.testing.assert_array_equal(chunk, images.reshape(2, 3, 32, 32))


def test_damaged_archive_is_never_opened(root, make_entry, batches):
    path, sha256 = write_archive(root, batches)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=f"is damaged: its SHA-256 is .*, expected {sha256}"):
        load(make_entry(make_source(sha256)), root)


def test_missing_batch(root, make_entry, batches):
    (write_folder(root, batches) / "data_batch_2").unlink()
    with pytest.raises(DataError, match="is incomplete: data_batch_2 is missing"):
        load(make_entry(make_source()), root)


@pytest.mark.parametrize("what", ["archive", "batch"])
def test_a_huge_file_is_not_read(root, make_entry, batches, what):
    """A file of holes: 1 TB that takes no place on the disk, and no memory here."""
    path = root / "cifar-10-python.tar.gz" if what == "archive" else write_folder(root, batches) / "test_batch"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(DataError, match=f"{path.name} has 1,000,000,000,000 bytes, more than 268,435,456; "):
        load(make_entry(make_source()), root)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
@pytest.mark.parametrize("what", ["archive", "batch"])
def test_what_is_no_file_is_not_called_missing(root, make_entry, batches, what, make):
    path = root / "cifar-10-python.tar.gz" if what == "archive" else write_folder(root, batches) / "test_batch"
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(DataError, match=f"{path} is not a regular file"):
        load(make_entry(make_source()), root)


def test_a_file_in_the_folders_place_is_named(root, make_entry):
    (root / "cifar-10-batches-py").touch()
    with pytest.raises(DataError, match="cifar-10-batches-py is not a folder; move it away"):
        load(make_entry(make_source()), root)


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"no archive", mtime=0), b""])
def test_an_archive_of_a_known_hash_that_is_none(root, make_entry, batches, content):
    path = root / "cifar-10-python.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="tar.gz is not CIFAR's .*; fetch it again"):
        load(make_entry(make_source(hashlib.sha256(content).hexdigest())), root)


def test_an_archive_without_a_batch(root, make_entry, batches, monkeypatch):
    del batches["test_batch"]
    _, sha256 = write_archive(root, batches)
    with pytest.raises(DataError, match="is not CIFAR's .*test_batch"):
        load(make_entry(make_source(sha256)), root)
    path, sha256 = write_archive(root, batches | {"test_batch": bytes(1 << 20)})
    monkeypatch.setattr("nets.data.cifar.MOST_BYTES", 1 << 19)
    with pytest.raises(DataError, match="test_batch is no file, or too large"):
        load(make_entry(make_source(sha256)), root)
