"""Data sets of torchvision and Hugging Face, and arrays of numpy: read by the packages' own code from real files."""

import copy
import gzip
import hashlib
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets

from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.errors import DataError, UserError
from nets.suite.catalogues import check_catalogue
from nets.suite.keys import data_source

DICE = np.random.RandomState(0)
IMAGES = DICE.randint(0, 256, (60, 32, 32, 3)).astype(np.uint8)
LABELS = np.arange(60) % 3
SPLITS = {"validation": 0.2, "test": 0.2, "seed": 0}


def entry(source, shape=(3, 32, 32), classes=3, splits=SPLITS, **more):
    """A valid entry of a catalogue with one source."""
    whole = {
        "title": "Own",
        "shape": list(shape),
        "classes": classes,
        "splits": dict(splits),
        "mean": None,
        "std": None,
        "sources": [source],
        "licence": "none",
        "citation": "none",
        "url": None,
    } | more
    return check_catalogue({"own": whole}, "datasets", "datasets.yaml")["own"]


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A function that prepares an entry whose files are in `tmp_path`; returns dataset.json and a split's reader."""
    monkeypatch.setenv("NETS_DATA", str(tmp_path))
    monkeypatch.setenv("NETS_OFFLINE", "1")

    def make(*arguments, **more):
        out = tmp_path / "out"
        info = prepare("own", entry(*arguments, **more), out)
        return info, lambda split: open_split(out, split)

    return make


def test_any_class_of_torchvision_by_one_entry(prepared):
    fake = {"image_size": [3, 32, 32], "num_classes": 3}
    source = {
        "kind": "torchvision",
        "class": "FakeData",
        "train": fake | {"size": 50},
        "test": fake | {"size": 20, "random_offset": 1000},
    }
    info, split = prepared(source, splits={"validation": 10, "seed": 0})
    assert info["counts"] == {"train": 40, "validation": 10, "test": 20}
    image, label = datasets.FakeData(20, (3, 32, 32), 3, random_offset=1000)[7]
    test = split("test")
    assert np.array_equal(test.images[7], np.asarray(image).transpose(2, 0, 1)) and test.labels[7] == label
    assert set(info["source"]["sha256"]) == {"train", "test"} and info["source"]["kind"] == "torchvision"
    assert data_source(entry(source)).files.keys() >= {"nets/data/items.py"}
    again, _ = prepared(source | {"sha256": info["source"]["sha256"]}, splits={"validation": 10, "seed": 0})
    assert again["hashes"] == info["hashes"]
    with pytest.raises(DataError, match=r"FakeData\(.*\) has changed: the SHA-256 of its images is .*, expected 00"):
        prepared(source | {"sha256": {"test": "0" * 64}}, splits={"validation": 10, "seed": 0})


@pytest.fixture
def svhn(tmp_path, monkeypatch):
    """Files of SVHN as its authors publish them, with few images; torchvision knows their MD5s."""
    folder = tmp_path / "SVHN"
    folder.mkdir()
    known = copy.deepcopy(datasets.SVHN.split_list)
    for part, rows in (("train", slice(40)), ("test", slice(40, 60))):
        labels = np.where(LABELS[rows] == 0, 10, LABELS[rows])[:, None].astype(np.uint8)  # 10 means 0
        scipy.io.savemat(folder / f"{part}_32x32.mat", {"X": IMAGES[rows].transpose(1, 2, 3, 0), "y": labels})
        content = (folder / f"{part}_32x32.mat").read_bytes()
        known[part][2] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(datasets.SVHN, "split_list", known)
    return folder


def test_svhn_needs_nothing_but_its_name(prepared, svhn):
    info, split = prepared({"kind": "torchvision", "class": "SVHN"}, splits={"validation": 0.25, "seed": 0})
    assert info["counts"] == {"train": 30, "validation": 10, "test": 20}
    test = split("test")
    assert np.array_equal(test.images, IMAGES[40:].transpose(0, 3, 1, 2)) and np.array_equal(test.labels, LABELS[40:])


def test_what_is_missing_or_damaged_is_told(prepared, svhn):
    (svhn / "test_32x32.mat").write_bytes(b"broken")
    info, _ = prepared({"kind": "torchvision", "class": "SVHN"})
    assert info["status"] == "no_data"
    assert f"put the files of torchvision's SVHN into {svhn} (Dataset not found or corrupted." in info["reason"]
    assert "NETS_OFFLINE forbids it now" in info["reason"]
    info, _ = prepared({"kind": "torchvision", "class": "KMNIST"}, shape=[1, 28, 28], classes=10)
    assert info["status"] == "no_data"


def test_a_download_goes_into_the_folder_of_its_class(prepared, svhn, tmp_path, monkeypatch):
    kept = {path.name: path.read_bytes() for path in svhn.iterdir()}
    for path in svhn.iterdir():
        path.unlink()
    monkeypatch.setattr(
        datasets.SVHN, "download", lambda self: [Path(self.root, n).write_bytes(b) for n, b in kept.items()]
    )
    monkeypatch.setenv("NETS_OFFLINE", "0")
    info, _ = prepared({"kind": "torchvision", "class": "SVHN"}, splits={"validation": 0.25, "seed": 0})
    assert info["status"] == "ok" and sorted(path.name for path in svhn.iterdir()) == sorted(kept)


@pytest.mark.parametrize(
    ("source", "more", "said"),
    [
        ({"class": "SVHM"}, {}, "torchvision has no data set 'SVHM'; did you mean 'SVHN'"),
        ({"class": "LSUN"}, {}, "torchvision's LSUN unpickles files; name another class"),
        ({"class": "CIFAR10", "train": {"train": True}}, {}, "CIFAR10 is only downloaded, .* copy these sources"),
        (
            {"class": "SVHN", "train": {"spilt": "train"}},
            {},
            "no argument 'spilt' .for train.; did you mean 'split'",
        ),
        (
            {"class": "SVHN", "train": {"split": "tarin"}},
            {},
            "SVHN: Unknown value 'tarin' for argument split",
        ),
        ({"class": "SVHN"}, {"classes": 2}, r"labels are 0..2, expected 0..1"),
        (
            {"class": "SVHN"},
            {"shape": [3, 28, 28], "splits": {"validation": 5, "seed": 0}},
            "is 32x32 pixels, expected 28x28; resize it, or set `fit: crop`",
        ),
        ({"class": "SVHN"}, {"masks": {"void": None}}, r"item 0 has no mask of numbers"),
        ({"class": "EuroSAT"}, {}, None),
    ],
)
def test_what_does_not_fit_is_one_sentence(prepared, svhn, source, more, said):
    if said is None:
        assert prepared({"kind": "torchvision"} | source)[0]["status"] == "no_data"
        return
    with pytest.raises(UserError, match=said) as error:
        prepared({"kind": "torchvision"} | source, **more)
    assert "\n" not in str(error.value)


def test_names_of_classes_must_be_those_of_the_data_set(prepared, tmp_path):
    raw = tmp_path / "KMNIST/KMNIST/raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 60), ("t10k", 20)):
        pixels, labels = (
            DICE.randint(0, 256, (count, 28, 28)).astype(np.uint8),
            (np.arange(count) % 10).astype(np.uint8),
        )
        for name, values in ((f"{part}-images-idx3-ubyte", pixels), (f"{part}-labels-idx1-ubyte", labels)):
            head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
            (raw / name).write_bytes(head + values.tobytes())
            with gzip.open(raw / f"{name}.gz", "wb") as file:
                file.write(b"")
    names = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    grey, splits = [1, 28, 28], {"validation": 20, "seed": 0}
    source = {"kind": "torchvision", "class": "KMNIST"}
    info, _ = prepared(source, grey, names, splits)
    assert info["counts"] == {"train": 40, "validation": 20, "test": 20}
    with pytest.raises(DataError, match="class 1 is 'ki', in the entry 'su'; put `classes` into the order"):
        prepared(source, grey, ["o", "su", "ki", *names[3:]], splits)
    with pytest.raises(DataError, match=r"10 classes \(o, ki, su, tsu, na, \.\.\.\), the entry 4; correct"):
        prepared(source, grey, 4, splits)


def test_masks_of_torchvision(prepared, tmp_path):
    for mode in ("train", "val"):
        for what in ("img", "cls"):
            (tmp_path / "SBDataset" / what).mkdir(parents=True, exist_ok=True)
        names = [f"{mode}{i}" for i in range(12)]
        (tmp_path / f"SBDataset/{mode}.txt").write_text("\n".join(names))
        for number, name in enumerate(names):
            Image.fromarray(IMAGES[number + 20 * (mode == "val")]).save(tmp_path / f"SBDataset/img/{name}.jpg")
            mask = DICE.randint(0, 3, (32, 32)).astype(np.uint8)
            scipy.io.savemat(tmp_path / f"SBDataset/cls/{name}.mat", {"GTcls": {"Segmentation": mask}})
    arguments = {"mode": "segmentation"}
    source = {
        "kind": "torchvision",
        "class": "SBDataset",
        "train": arguments | {"image_set": "train"},
        "test": arguments | {"image_set": "val"},
        "fit": "crop",
    }
    info, split = prepared(source, [3, 16, 16], 3, {"validation": 3, "seed": 0}, masks={"void": None})
    assert info["counts"] == {"train": 9, "validation": 3, "test": 12} and split("test").masks.shape == (12, 16, 16)


def test_arrays_of_one_file(prepared, tmp_path):
    np.savez(tmp_path / "own.npz", x=IMAGES[:40], y=LABELS[:40, None], x_test=IMAGES[40:], y_test=LABELS[40:])
    digest = hashlib.sha256((tmp_path / "own.npz").read_bytes()).hexdigest()
    source = {
        "kind": "arrays",
        "train": {"images": "own.npz:x", "labels": "own.npz:y"},
        "test": {"images": "own.npz:x_test", "labels": "own.npz:y_test"},
        "sha256": {"own.npz": digest},
    }
    info, split = prepared(source, splits={"validation": 8, "seed": 0})
    assert info["counts"] == {"train": 32, "validation": 8, "test": 20} and info["source"]["sha256"] == {
        "own.npz": digest
    }
    assert np.array_equal(split("test").images, IMAGES[40:].transpose(0, 3, 1, 2))
    with pytest.raises(DataError, match="own.npz has changed: its SHA-256 is"):
        prepared(source | {"sha256": {"own.npz": "0" * 64}})


@pytest.mark.parametrize("order", ["NHWC", "NCHW", "grey", "validation", "crop", "unlabelled"])
def test_arrays_of_each_order(prepared, tmp_path, order):
    images = {"NCHW": IMAGES.transpose(0, 3, 1, 2), "grey": IMAGES[..., 0]}.get(order, IMAGES)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", LABELS + 1)
    part = {"images": "images.npy", "labels": "labels.npy"}
    source = {"kind": "arrays", "train": part, "first": 1}
    shape, splits, classes = [1 if order == "grey" else 3, 32, 32], SPLITS, 3
    if order == "validation":
        np.save(tmp_path / "more.npy", IMAGES[:9] // 2)
        np.save(tmp_path / "theirs.npy", LABELS[:9] + 1)
        source["validation"] = {"images": "more.npy", "labels": "theirs.npy"}
        splits = {"validation": 9, "test": 10, "seed": 0}
        with pytest.raises(DataError, match="test"):  # its own validation images are the last of all
            prepared(source, shape, 3, {"validation": 8, "test": 10, "seed": 0})
        return
    if order == "crop":
        source["fit"], shape = "crop", [3, 16, 16]
    if order == "unlabelled":
        source["train"], classes = {"images": "images.npy"}, None
    info, split = prepared(source, shape, classes, splits)
    assert info["counts"] == {"train": 36, "validation": 12, "test": 12} and split("train").images.shape[1:] == tuple(
        shape
    )
    assert set(split("test").labels) == ({-1} if classes is None else {0, 1, 2})


def test_arrays_with_masks(prepared, tmp_path):
    masks = DICE.randint(0, 3, (60, 32, 32))
    np.savez(tmp_path / "own.npz", images=IMAGES, masks=masks)
    part = {"images": "own.npz:images", "masks": "own.npz:masks"}
    _, split = prepared({"kind": "arrays", "train": part}, masks={"void": None})
    train = split("train")
    assert np.array_equal(
        train.masks[0], masks[[np.array_equal(i, train.images[0].transpose(1, 2, 0)) for i in IMAGES]][0]
    )


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ({"x": IMAGES / 255, "y": LABELS}, r"own.npz:x is float64, expected bytes \(uint8\) from 0 to 255; convert"),
        ({"x": IMAGES, "y": LABELS[:5]}, r"own.npz:y is int64 \(5,\), and own.npz:x needs whole numbers \(60,\)"),
        ({"x": IMAGES, "y": LABELS / 2}, "own.npz:y is float64"),
        ({"x": IMAGES[..., :2], "y": LABELS}, "has the shape .60, 32, 32, 2., and `shape` says 3 channels"),
        ({"x": IMAGES[:, :30], "y": LABELS}, "has images of 32x30 pixels, `shape` says 32x32; .* `fit: crop`"),
        ({"z": IMAGES, "y": LABELS}, "holds no such array .'x' is none of z, y.; save it again"),
        ({"x": IMAGES, "y": np.array([print] * 60, dtype=object)}, "it holds Python objects, not numbers"),
    ],
)
def test_arrays_that_do_not_fit(prepared, tmp_path, saved, said):
    np.savez(tmp_path / "own.npz", **saved)
    with pytest.raises(DataError, match=said):
        prepared({"kind": "arrays", "train": {"images": "own.npz:x", "labels": "own.npz:y"}})


def test_what_is_no_array_or_not_there(prepared, tmp_path):
    part = {"images": "own.npy", "labels": "own.npy"}
    info, _ = prepared({"kind": "arrays", "train": part})
    assert info["reason"].endswith(f"put own.npy into {tmp_path}.")
    (tmp_path / "own.npy").write_bytes(b"\x80\x04pickle")
    with pytest.raises(DataError, match="own.npy holds no such array"):
        prepared({"kind": "arrays", "train": part})
    with pytest.raises(UserError, match="write a file.npy, or a file.npz:array"):
        prepared({"kind": "arrays", "train": {"images": "own.txt"}})
    with pytest.raises(DataError, match="`train` names no labels; add them, or set `classes: null`"):
        prepared({"kind": "arrays", "train": {"images": "own.npy"}})


@pytest.fixture
def hub(monkeypatch):
    """A package `datasets` with one data set; returns what it was asked for."""
    asked = []

    class Table(list):
        features = {
            "picture": type("Image", (), {})(),
            "kind": type("ClassLabel", (), {"names": ["a", "b", "c"]})(),
        }

    def load_dataset(name, config, split, revision):
        asked.append((name, config, split, revision))
        if name == "nowhere":
            raise ConnectionError("Couldn't reach the Hub")
        rows = slice(40) if split == "train" else slice(40, 60)
        pairs = zip(IMAGES[rows], LABELS[rows], strict=True)
        return Table({"picture": Image.fromarray(image), "kind": int(label)} for image, label in pairs)

    package = types.ModuleType("datasets")
    package.__version__, package.load_dataset = "5.2.0", load_dataset
    monkeypatch.setitem(sys.modules, "datasets", package)
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "0")
    return asked


def test_a_data_set_of_the_hub(prepared, hub):
    import os

    source = {"kind": "huggingface", "dataset": "me/own", "revision": "abc", "test": "test"}
    info, split = prepared(source, classes=["a", "b", "c"], splits={"validation": 10, "seed": 0})
    assert info["counts"] == {"train": 30, "validation": 10, "test": 20}
    assert hub == [("me/own", None, "train", "abc"), ("me/own", None, "test", "abc")]
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_DATASETS_OFFLINE"] == "1"
    assert np.array_equal(split("test").labels, LABELS[40:])
    with pytest.raises(DataError, match="me/own .train.: no column is the label; set `label` to one of picture, kind"):
        prepared(source | {"label": "what"})
    info, _ = prepared({"kind": "huggingface", "dataset": "nowhere"})
    assert "allow the download of nowhere, put it into" in info["reason"]


def test_without_the_package_or_with_an_old_one(prepared, hub, monkeypatch):
    sys.modules["datasets"].__version__ = "3.6.0"
    assert "update Hugging Face's package" in prepared({"kind": "huggingface", "dataset": "me/own"})[0]["reason"]
    monkeypatch.setitem(sys.modules, "datasets", None)
    info, _ = prepared({"kind": "huggingface", "dataset": "me/own"})
    assert info["reason"].endswith("install Hugging Face's package: .venv/bin/python -m pip install datasets.")


def test_the_real_package_reads_a_folder_offline(prepared, tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for number, image in enumerate(IMAGES):
        path = tmp_path / f"mine/train/{'abc'[LABELS[number]]}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    info, _ = prepared({"kind": "huggingface", "dataset": "mine"}, classes=["a", "b", "c"])
    assert info["counts"] == {"train": 36, "validation": 12, "test": 12}, json.dumps(info)
