"""One training: what it leaves when it succeeds, when it is a hole, and when the program has an error."""

import json

import pytest
import torch

from nets.errors import DataError
from nets.run import Run
from nets.training import session
from nets.training.loop import Diverged, TimedOut
from nets.training.outputs import SavedWeights, load_weights
from nets.training.session import JobSettings, Session


@pytest.fixture
def opened(run_of, few, tmp_path) -> Session:
    """A short training of LeNet-5."""
    settings = JobSettings(log=tmp_path / "train.log", retry="make run RETRY=1")
    run = run_of("lenet5", "epochs=1")
    return Session(run, tmp_path / run.name, few, torch.device("cpu"), settings=settings)


def manifest_of(opened: Session) -> dict:
    return json.loads((opened.folder / "manifest.json").read_text())


def test_it_leaves_weights_that_are_verified_when_they_are_loaded(opened):
    session.train(opened)
    manifest, task = manifest_of(opened), session.build(opened)
    assert manifest["status"] == "ok" and manifest["retry"] is None
    saved = SavedWeights(**manifest["weights"]["best"])
    before = {name: value.clone() for name, value in task.networks.state_dict().items()}
    load_weights(task.networks, opened.folder, saved)
    assert not all(torch.equal(before[name], value) for name, value in task.networks.state_dict().items())
    assert "epoch 1" in opened.settings.log.read_text()
    (opened.folder / saved.file).write_bytes(b"other")
    with pytest.raises(DataError, match=r"best.safetensors is damaged: .*; delete it and train again\.$"):
        load_weights(task.networks, opened.folder, saved)


@pytest.mark.parametrize(
    ("error", "status"),
    [(Diverged("so"), "diverged"), (TimedOut("so"), "timed_out"), (MemoryError("so"), "out_of_memory")],
)
def test_an_error_that_is_an_outcome_makes_a_hole(opened, monkeypatch, error, status):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(session, "fit", fail)
    session.train(opened)
    manifest = manifest_of(opened)
    assert (manifest["status"], manifest["weights"], manifest["retry"]) == (status, {}, "make run RETRY=1")
    assert "so" in manifest["reason"]
    assert manifest["parameters"]["classifier"] > 0  # what was known before the first step
    assert (opened.folder / "history.csv").read_text() == "epoch,step,seconds\n"


def test_other_errors_are_raised_and_leave_no_manifest(opened, monkeypatch):
    monkeypatch.setattr(session, "fit", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.train(opened)
    assert not (opened.folder / "manifest.json").exists()


def test_a_run_that_learned_nothing_leaves_no_weights(opened, monkeypatch):
    monkeypatch.setattr("nets.tasks.classification.Classification.failure", lambda *_: "It learned nothing.")
    result = session.attempt(opened)
    assert result.failure == session.Failure("diverged", "It learned nothing.") and result.weights["best"].epoch == 1
    session.train(opened)
    assert manifest_of(opened)["reason"] == "It learned nothing."
    assert not (opened.folder / "best.safetensors").exists()
    assert len((opened.folder / "history.csv").read_text().splitlines()) == 2


def test_a_description_comes_from_the_suite_or_from_the_folder(opened, tmp_path):
    folder, runs = tmp_path / opened.run.name, tmp_path / "runs.jsonl"
    runs.write_text(opened.run.to_json(indent=None) + "\n")
    assert session.settle_description(folder, runs) == opened.run
    assert Run.load(folder) == session.settle_description(folder, None) == opened.run
