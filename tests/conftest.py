"""What all tests share: small prepared data of real digits, short runs on them, and real data where there are some.

Real data are looked for in `$NETS_DATA`, as it is when the tests start, in the layouts that config/datasets.yaml names.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # where a test asks for two threads, on cores that others use too
os.environ.update(MAKEFLAGS="", MAKELEVEL="0")  # those of `make test` are not for a make that a test starts

import numpy as np
import pytest
import yaml

from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.jobs import train
from nets.run import Run
from nets.suite.expansion import load_runs

REAL_DATA = os.environ.get("NETS_DATA")
HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str) -> None:
    """End all tests at once where one has killed its worker, or has hung for so long that the worker was ended."""
    pytest.exit(f"A test crashed or hung: {crashitem}", returncode=1)


@pytest.fixture(scope="session")
def catalogue() -> dict:
    return yaml.safe_load(Path("config/datasets.yaml").read_text())


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The path of something in the real `$NETS_DATA`; skips where it is not there."""

    def find(name: str) -> Path:
        path = Path(REAL_DATA or "data").absolute() / name
        if not path.exists():
            pytest.skip(f"no {name} in NETS_DATA ({REAL_DATA or 'data'})")
        return path

    return find


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    """The prepared data set `mnist5k`: 5,000 real digits."""
    folder = tmp_path_factory.mktemp("data") / "mnist5k"
    run = make_run(tmp_path_factory.mktemp("table"), "lenet5")
    prepare("mnist5k", run.data, folder)
    return folder


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Path:
    """The prepared data set `digit_scenes`, but of 400 scenes."""
    folder = tmp_path_factory.mktemp("data") / "digit_scenes"
    entry = make_run(tmp_path_factory.mktemp("table"), "unet", dataset="digit_scenes").data
    source = {"kind": "digit_scenes", "count": 400, "digits": [2, 5], "sizes": [24, 40], "seed": 0, "version": 1}
    splits = {"train": 280, "validation": 40, "test": 80, "seed": 0}
    prepare("digit_scenes", entry | {"splits": splits, "sources": [source]}, folder)
    return folder


@pytest.fixture(scope="session")
def few_digits(request):
    """A function that opens a split of `digits`, or of `scenes`, cut to `count` samples of all classes alike."""

    def cut(split: str, count: int = 256, masks: bool = False):
        found = open_split(request.getfixturevalue("scenes" if masks else "digits"), split)
        spread = np.linspace(0, len(found.indices) - 1, min(count, len(found.indices))).astype(np.int64)
        return dataclasses.replace(found, indices=np.ascontiguousarray(found.indices[spread]))

    return cut


def make_run(folder: Path, model: str, overrides: str = "", seed: int = 0, dataset: str = "mnist5k") -> Run:
    """The run of one row, with the recipe of the model's name."""
    table = folder / "one.tsv"
    table.write_text(f"{HEADER}{model}\t{dataset}\t\t{model}\t{seed}\t{overrides}\n")
    return load_runs(table)[0]


@pytest.fixture
def run_of(tmp_path):
    """A function from model, overrides, seed and data set to the run of such a row."""
    return lambda model, overrides="", seed=0, dataset="mnist5k": make_run(tmp_path, model, overrides, seed, dataset)


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
