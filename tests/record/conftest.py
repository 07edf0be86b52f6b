"""A small suite that was really trained and measured, to be published and verified."""

import json
import shutil
from pathlib import Path

import pytest

from nets.jobs import evaluate, train
from nets.run import write_runs
from nets.suite.catalogues import ROOT
from tests.conftest import make_run

NAME = "softmax-mnist5k-s0"


@pytest.fixture(scope="module")
def measured(digits, tmp_path_factory) -> Path:
    """A suite of softmax regression with two seeds, trained for an epoch."""
    results = tmp_path_factory.mktemp("results") / "tiny"
    runs = [make_run(tmp_path_factory.mktemp("table"), "softmax", "epochs=1", seed) for seed in (0, 1)]
    for run in runs:
        folder = results / "runs" / run.name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(run.to_json())
        where = ["--run-dir", str(folder), "--data-dir", str(digits)]
        assert train.main(where) == 0 and evaluate.main(where) == 0
    write_runs(runs, results / "runs.jsonl")
    (results / "runs.txt").write_text("".join(f"{run.name}\n" for run in runs))
    return results


@pytest.fixture
def suite(measured, tmp_path) -> Path:
    """A copy of `measured` for a test to change."""
    return shutil.copytree(measured, tmp_path / "tiny")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with the README, in which pages are written."""
    (tmp_path / "checkout/docs").mkdir(parents=True)
    shutil.copy(ROOT / "README.md", tmp_path / "checkout")
    return tmp_path / "checkout"


def changed(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
