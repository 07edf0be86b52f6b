"""An evaluation that fails is a hole of its run."""

import json
import shutil

import numpy as np
import pytest

from nets import evaluation
from nets.errors import UserError
from nets.jobs import evaluate
from nets.tasks.kinds import KINDS


@pytest.fixture
def trained(extractor_run, tmp_path):
    return shutil.copytree(extractor_run.parent, tmp_path / extractor_run.parent.name)


def failing(monkeypatch, error):
    def measure(_):
        raise error

    monkeypatch.setattr(evaluation, "measure", measure)


def test_an_error_is_a_hole_with_its_reason(trained, digits, monkeypatch, capsys):
    failing(monkeypatch, IndexError("index 3 is out of bounds\nfor axis 0"))
    words = ["--run-dir", str(trained), "--data-dir", str(digits), "--retry", "make run RETRY=1"]
    assert evaluate.main(words) == 0
    hole = json.loads((trained / "metrics.json").read_text())
    assert (hole["status"], hole["retry"]) == ("failed", "make run RETRY=1")
    assert hole["reason"] == "Its evaluation failed (IndexError: index 3 is out of bounds)."
    assert "Traceback" in capsys.readouterr().err
    assert (trained / "arrays.npz").exists()


def test_a_mistake_of_the_user_ends_it(trained, digits, monkeypatch, capsys):
    failing(monkeypatch, UserError("Do this."))
    assert evaluate.main(["--run-dir", str(trained), "--data-dir", str(digits)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "Do this."  # a warning of the GPU may come before
    assert not (trained / "metrics.json").exists()


def test_a_classifiers_recall_by_class_is_measured(trained, digits):
    assert evaluate.main(["--run-dir", str(trained), "--data-dir", str(digits)]) == 0
    metrics = json.loads((trained / "metrics.json").read_text())
    values = {entry["metric"]: entry["value"] for entry in metrics["metrics"]}
    with np.load(trained / "arrays.npz") as arrays:
        recall = [100 * (arrays["predicted"][arrays["labels"] == k] == k).mean() for k in range(10)]
    assert metrics["classes"] == {"class_recall": pytest.approx(recall)}
    assert values["balanced"] == pytest.approx(np.mean(recall))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("top1", 97.6, "Top-1 97.60 %"),
        ("fid_indomain", 12.3456, "FID in-domain 12.35"),
        ("fid_inception", None, "FID Inception not measured"),
    ],
)
def test_the_terminal_names_a_metric_as_the_tables_do(name, value, words):
    assert evaluation.in_words(name, value) == words


def test_the_terminal_knows_every_headline():
    for kind in KINDS.values():
        assert evaluation.in_words(kind.family.headline, 1.0) != kind.family.headline
