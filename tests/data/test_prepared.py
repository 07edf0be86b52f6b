"""Opening prepared data: changes are noticed, and training never touches test data."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from nets.data.prepared import open_split, read_info
from nets.errors import DataError

WATCH = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
from nets.data.prepared import open_split
for name in sys.argv[2].split(","):
    split = open_split(sys.argv[1], name)
    split.images[split.indices].sum(), split.labels[split.indices].sum()
assert not {"torch", "torchvision", "mlxtend", "PIL"} & set(sys.modules), "imports must stay light"
print(*sorted({path.removeprefix(sys.argv[1] + "/") for path in opened if path.startswith(sys.argv[1])}))
"""


@pytest.fixture
def copy(mnist5k, tmp_path):
    return shutil.copytree(mnist5k, tmp_path / "copy")


def opened(folder, splits):
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(folder), splits], capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_learning_opens_no_test_file(mnist5k):
    learning = [f"learning/{name}.npy" for name in ("images", "labels", "train", "validation")]
    assert opened(mnist5k, "train,validation") == ["dataset.json", *learning]
    assert opened(mnist5k, "test") == ["dataset.json", "test/images.npy", "test/labels.npy", "test/test.npy"]


def test_learning_works_without_test_files(copy):
    shutil.rmtree(copy / "test")
    assert len(open_split(copy, "train")) == 3500 and len(open_split(copy, "validation")) == 500
    with pytest.raises(DataError, match=r"copy/test/test.npy is missing; delete .*copy and prepare it again\.$"):
        open_split(copy, "test")


def test_what_is_opened(mnist5k):
    split = open_split(mnist5k, "validation")
    assert isinstance(split.images, np.memmap)
    assert (split.images.dtype, split.labels.dtype, split.indices.dtype) == (np.uint8, np.int64, np.int64)
    train = open_split(mnist5k, "train")
    assert not np.intersect1d(train.indices, split.indices).size
    assert split.info == read_info(mnist5k)


def test_writing_never_reaches_the_file(copy):
    before = (copy / "learning/images.npy").read_bytes()
    split = open_split(copy, "train")
    split.images[:] = 7
    del split
    assert (copy / "learning/images.npy").read_bytes() == before


@pytest.mark.parametrize("name", ["learning/train.npy", "learning/images.npy", "learning/labels.npy"])
def test_altered_file(copy, flip, name):
    flip(copy / name)
    with pytest.raises(DataError, match=rf"copy/{name} is damaged: its SHA-256 is .*, expected .*prepare it again\.$"):
        open_split(copy, "train")


def test_index_list_is_verified_always(copy, flip):
    flip(copy / "learning/images.npy")
    open_split(copy, "train", hashed=False)
    np.save(copy / "learning/train.npy", np.arange(4000))
    with pytest.raises(DataError, match="train.npy is damaged"):
        open_split(copy, "train", hashed=False)


@pytest.mark.parametrize("name", ["learning/validation.npy", "learning/images.npy", "learning/labels.npy"])
def test_missing_file(copy, name):
    (copy / name).unlink()
    with pytest.raises(DataError, match=f"copy/{name} is missing"):
        open_split(copy, "validation", hashed=False)


def test_truncated_file(copy):
    path = copy / "learning/images.npy"
    path.write_bytes(path.read_bytes()[:1000])
    for hashed in (True, False):
        with pytest.raises(DataError, match="learning/images.npy is damaged"):
            open_split(copy, "train", hashed)


def test_images_of_another_set(copy):
    info = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps(info | {"shape": [3, 32, 32]}))
    with pytest.raises(DataError, match="expected .4000, 3, 32, 32.; prepare it again"):
        open_split(copy, "train", hashed=False)


def test_description_missing_or_damaged(tmp_path):
    with pytest.raises(DataError, match="dataset.json is missing: prepare the data set first"):
        open_split(tmp_path, "train")
    (tmp_path / "dataset.json").write_text('{"name": ')
    with pytest.raises(DataError, match="dataset.json can't be read as JSON"):
        open_split(tmp_path, "train")


def test_unknown_split(mnist5k):
    with pytest.raises(ValueError, match="no split is called 'val'"):
        open_split(mnist5k, "val")
