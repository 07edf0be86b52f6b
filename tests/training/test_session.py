"""One training: what it leaves when it succeeds, when it is a hole, and when the program has an error."""

import dataclasses
import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from nets.errors import DataError
from nets.machine.stop import Stopped
from nets.run import Run
from nets.training import loop, session
from nets.training.loop import Diverged, TimedOut
from nets.training.outputs import SavedWeights, load_weights, write_weights
from nets.training.pretrained import find_start
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
    def fail(*arguments, **options):
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


def test_a_checkpoint_of_another_kind_of_device_is_not_continued_and_that_is_said(opened, monkeypatch):
    monkeypatch.setattr(loop, "CHECK_EVERY", 1)
    stops = iter([False, False, False, True])
    halted = dataclasses.replace(opened, settings=dataclasses.replace(opened.settings, stop_asked=lambda: next(stops)))
    with pytest.raises(Stopped):
        session.train(halted)
    (left,) = opened.checkpoints.paths()
    other = left.with_name(left.name.replace("cpu-float32", "cuda-bfloat16"))
    left.rename(other)
    session.train(opened)
    news = "its checkpoint is of cuda-bfloat16, and this job computes with cpu-float32: it starts from the beginning."
    assert news in opened.settings.log.read_text()
    assert manifest_of(opened)["resumed"] == 0 and not other.exists()


@pytest.mark.parametrize(
    ("weights", "used"), [({"last": "model", "best": "best"}, "best"), ({"last": "model"}, "model"), ({}, None)]
)
def test_a_start_is_the_best_weights_where_a_task_chooses_some(opened, tmp_path, weights, used):
    entries = {label: {"file": f"{file}.safetensors", "sha256": file, "epoch": 1} for label, file in weights.items()}
    manifest = {"status": "ok" if weights else "diverged", "reason": None, "weights": entries}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    run = replace(opened.run, pretrained={"name": "other"})
    found = find_start(run, [tmp_path / "manifest.json"])
    assert (found.sha256, found.file) == (used, used and tmp_path / f"{used}.safetensors")


def test_a_run_starts_from_the_weights_that_its_source_is_measured_with(opened, tmp_path):
    source = replace(opened, run=replace(opened.run, recipe=replace(opened.run.recipe, epochs=2)))
    session.train(source)
    saved = manifest_of(source)["weights"]
    (source.folder / "manifest.json").rename(source.folder / "manifest.json.kept")
    content = json.loads((source.folder / "manifest.json.kept").read_text())
    different = {name: value + 1 for name, value in load_file(source.folder / saved["best"]["file"]).items()}
    content["weights"]["best"] = vars(write_weights(source.folder / "best.safetensors", different, 1))
    (source.folder / "manifest.json").write_text(json.dumps(content))
    facts = {"kind": "run", "name": source.run.name, "keep_head": True, "shape": [1, 28, 28], "mean": None, "std": None}
    recipe = replace(opened.run.recipe, options=opened.run.recipe.options | {"transfer": "fine_tuning"})
    run = replace(opened.run, name="tuned", recipe=recipe, pretrained=facts)
    start = find_start(run, [source.folder / "manifest.json"])
    tuned = replace(opened, run=run, folder=tmp_path / "tuned", start=start)
    begun = session.build(tuned).networks.state_dict()
    assert all(torch.equal(value, different[name]) for name, value in begun.items())
    session.train(tuned)
    best = content["weights"]["best"]
    wanted = {"name": source.run.name, "file": "best.safetensors", "sha256": best["sha256"]}
    assert manifest_of(tuned)["pretrained"] == wanted
