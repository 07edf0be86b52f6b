"""`python -m nets.jobs.prepare`: one line on what was done, or one sentence on what is wrong."""

import json

import pytest
import yaml

from nets.data.prepared import open_split
from nets.jobs.prepare import main

SPLITS = {"train": 16, "validation": 4, "test": 10, "seed": 0}


@pytest.fixture
def entry(root, tmp_path, make_entry, make_idx):
    """The file of an entry whose data are present."""
    path = tmp_path / "entry.json"
    path.write_text(json.dumps(make_entry(make_idx(root / "tiny"), splits=SPLITS)))
    return path


def run(capsys, *arguments):
    status = main(list(map(str, arguments)))
    out, error = capsys.readouterr()
    assert (out + error).count("\n") == 1, "exactly one line"
    return status, out + error


def test_says_what_from_where(capsys, entry, root, tmp_path):
    status, line = run(capsys, "--dataset", "tiny", "--entry", entry, "--output", tmp_path / "out")
    assert status == 0
    expected = f"tiny: 16 train, 4 validation, 10 test images of 1x4x4 from idx {root}/tiny, canonical"
    assert line.startswith(expected)
    assert len(open_split(tmp_path / "out", "train")) == 16


def test_from_a_catalogue(capsys, entry, tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({"tiny": json.loads(entry.read_text())}))
    assert run(capsys, "--dataset", "tiny", "--catalogue", path, "--output", tmp_path / "out")[0] == 0
    status, line = run(capsys, "--dataset", "tyni", "--catalogue", path, "--output", tmp_path / "out")
    assert status == 1 and line == f"{path} has no 'tyni'; there are tiny.\n"


def test_no_data_is_a_result(capsys, tmp_path):
    status, line = run(capsys, "--dataset", "mnist", "--output", tmp_path / "out")
    assert status == 0 and line.startswith("mnist: no data. MNIST is not here: put train-images")
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["status"] == "no_data"


def test_damaged_source(capsys, entry, root, tmp_path, flip):
    flip(root / "tiny" / "train-images-idx3-ubyte")
    status, line = run(capsys, "--dataset", "tiny", "--entry", entry, "--output", tmp_path / "out")
    assert status == 1 and line.startswith(f"{root}/tiny/train-images-idx3-ubyte is damaged")


def test_folder_that_cannot_be_written(capsys, entry, tmp_path):
    (tmp_path / "file").write_text("a file where a folder is wanted")
    status, line = run(capsys, "--dataset", "tiny", "--entry", entry, "--output", tmp_path / "file" / "out")
    assert status == 1 and line.startswith(f"{tmp_path}/file/out: Not a directory; a file is where a folder should be")


def test_misspelt_key(capsys, entry, tmp_path):
    entry.write_text(json.dumps(json.loads(entry.read_text()) | {"seeds": 3}))
    status, line = run(capsys, "--dataset", "tiny", "--entry", entry, "--output", tmp_path / "out")
    assert status == 1 and "unknown key 'seeds'" in line
