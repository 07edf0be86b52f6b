"""The real data sets, if this machine has them."""

from pathlib import Path

import numpy as np
import pytest

from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.data.sources import load

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def check(name, entry, out):
    """Prepare the real data; the published mean and deviation confirm the pixels."""
    info = prepare(name, entry, out)
    assert info["status"] == "ok", info["reason"]
    assert info["counts"] == {key: entry["splits"][key] for key in ("train", "validation", "test")}
    for key in ("mean", "std"):
        np.testing.assert_allclose(info["measured"][key], entry[key], atol=1e-3)
    return info


def test_fashion_mnist_from_debian(catalogue, tmp_path):
    if not DEBIAN.is_dir():
        pytest.skip(f"Debian's package dataset-fashion-mnist is not installed: no {DEBIAN}")
    info = check("fashion_mnist", catalogue["fashion_mnist"], tmp_path)
    assert info["source"]["location"] == str(DEBIAN) and info["source"]["canonical"]
    assert info["class_counts"]["validation"] == [500] * 10


def test_mnist(catalogue, tmp_path, real_data, monkeypatch):
    monkeypatch.setenv("NETS_DATA", str(real_data("mnist").parent))
    info = check("mnist", catalogue["mnist"], tmp_path)
    assert info["class_counts"]["test"] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_cifar10(catalogue, tmp_path, real_data, monkeypatch):
    monkeypatch.setenv("NETS_DATA", str(real_data("cifar10").parent))
    info = check("cifar10", catalogue["cifar10"], tmp_path)
    assert info["class_counts"]["train"] == [4500] * 10


def test_cifar100(catalogue, real_data):
    loaded = load(catalogue["cifar100"], real_data("cifar100").parent)
    np.testing.assert_array_equal(np.bincount(loaded.learning.labels), [500] * 100)
    np.testing.assert_array_equal(np.bincount(loaded.test.labels), [100] * 100)
    assert next(loaded.test.chunks()).shape[1:] == (3, 32, 32)


def test_camvid(catalogue, tmp_path, real_data, monkeypatch):
    monkeypatch.setenv("NETS_DATA", str(real_data("camvid").parent))
    info = prepare("camvid", catalogue["camvid"], tmp_path)
    assert info["status"] == "ok", info["reason"]
    assert info["counts"] == {"train": 367, "validation": 101, "test": 233}
    test = open_split(tmp_path, "test")
    assert test.images.shape[1:] == (3, 180, 240) and test.masks.shape[1:] == (180, 240)
    assert sorted(np.unique(test.masks)) == list(range(12)), "11 classes, and void"
