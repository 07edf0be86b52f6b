"""A classifier that the jobs trained, in whose features generators are measured."""

from pathlib import Path

import pytest

from nets.data.prepare import prepare
from nets.jobs import train
from tests.conftest import make_run


@pytest.fixture(scope="session")
def extractor_run(digits, tmp_path_factory) -> Path:
    """The manifest of LeNet-5 after one epoch on `digits`."""
    folder = tmp_path_factory.mktemp("runs") / "lenet5-mnist5k-extractor-s0"
    folder.mkdir()
    (folder / "config.json").write_text(make_run(tmp_path_factory.mktemp("table"), "lenet5", "epochs=1").to_json())
    assert train.main(["--run-dir", str(folder), "--data-dir", str(digits)]) == 0
    return folder / "manifest.json"


@pytest.fixture(scope="session")
def few(tmp_path_factory) -> Path:
    """The prepared data set `mnist5k`, but of 640 training, 150 validation and 200 test images."""
    folder = tmp_path_factory.mktemp("data") / "mnist5k"
    splits = {"train": 640, "validation": 150, "test": 200, "unused": 4010, "seed": 0}
    prepare("mnist5k", make_run(tmp_path_factory.mktemp("table"), "lenet5").data | {"splits": splits}, folder)
    return folder
