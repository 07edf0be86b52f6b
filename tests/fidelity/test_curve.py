"""FID during training: in the history at the epochs of snapshots, on validation images, without any side effect."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nets.data.batches import SYMMETRIC, Batches
from nets.data.prepared import open_split, read_info
from nets.errors import UserError
from nets.fidelity import measure as fidelity
from nets.fidelity import reference as references
from nets.fidelity.extractors import load_extractor
from nets.jobs import evaluate, reference, train
from nets.metrics.distances import fid
from nets.run import Run
from nets.suite.keys import checkpoint_key, training_facts
from nets.tasks.adversarial import Adversarial
from nets.tasks.diffusion import Diffusion
from nets.training import loop, session

RUNS = {
    "dcgan": "epochs=3 batch_size=128 model.width=4 options.samples=100 options.fid_samples=150",
    "ddpm": "epochs=2 batch_size=128 schedule.warmup_epochs=0 ema=0.9 options.timesteps=4 options.samples=100 "
    "options.fid_samples=64 model.width=4 model.multipliers=[1,2] model.blocks=1 model.attention=[] model.dropout=0.1",
    "vae": "epochs=1 model.widths=[32] options.samples=100 options.fid_samples=64",
}
CPU = torch.device("cpu")


@pytest.fixture
def trained(run_of, few, tmp_path):
    """A function that trains a run in its own folder and returns the folder and the rows of its history."""

    def run_it(model, name, *arguments):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(run_of(model, RUNS[model]).to_json())
        assert train.main(["--run-dir", str(folder), "--data-dir", str(few), *map(str, arguments)]) == 0
        with open(folder / "history.csv", newline="") as file:
            return folder, list(csv.DictReader(file))

    return run_it


@pytest.mark.parametrize("model", RUNS)
def test_the_same_weights_with_and_without(model, trained, extractor_run):
    watched, history = trained(model, "watched", "--extractor", extractor_run)
    plain, without = trained(model, "plain")
    assert (watched / "model.safetensors").read_bytes() == (plain / "model.safetensors").read_bytes()
    assert (watched / "snapshots.npz").read_bytes() == (plain / "snapshots.npz").read_bytes()
    assert all(float(row["validation/fid_indomain"]) > 0 for row in history)
    assert set(history[0]) - set(without[0]) == {"validation/fid_indomain"}
    sha = json.loads(extractor_run.read_text())["weights"]["best"]["sha256"]
    assert json.loads((watched / "manifest.json").read_text())["watched_by"]["sha256"] == sha


def test_it_is_of_validation_images_and_sparse(trained, extractor_run, few, monkeypatch):
    monkeypatch.setattr(loop, "FRAMES", 2)
    monkeypatch.setattr("nets.data.prepared.verify", lambda file, *_: refuse_test_data(Path(file.name)))
    folder, history = trained("dcgan", "run", "--extractor", extractor_run)
    assert [bool(row["validation/fid_indomain"]) for row in history] == [False, False, True]
    run = Run.load(folder)
    task = Adversarial(run, SYMMETRIC, CPU)
    task.networks.load_state_dict(load_file(folder / "model.safetensors"))
    split = open_split(few, "validation")
    extractor = load_extractor(extractor_run, few, CPU)
    real = extractor.read(torch.from_numpy(split.images[split.indices])).features
    expected = fid(real, extractor.read(task.sample(150, seed=run.seed)).features)
    assert float(history[-1]["validation/fid_indomain"]) == pytest.approx(expected, rel=1e-9)


def refuse_test_data(path):
    assert path.parent.name == "learning", f"training reads {path}"


def test_an_extractor_that_is_a_hole_leaves_the_column_out(trained, tmp_path):
    hole = tmp_path / "manifest.json"
    hole.write_text(json.dumps({"status": "diverged", "reason": "…", "weights": {}}))
    _, history = trained("dcgan", "run", "--extractor", hole)
    assert "validation/fid_indomain" not in history[0]


def test_another_extractor_is_another_training(run_of, few):
    run, info = run_of("dcgan"), read_info(few)
    facts = [training_facts(run, info["hashes"], None, extractor, "2.0") for extractor in (None, "a", "b")]
    assert len(set(map(checkpoint_key, facts))) == 3


def test_the_average_is_what_a_diffusion_writes_and_what_is_measured(trained, few, extractor_run, monkeypatch, capsys):
    kept = []
    fit = session.fit

    def keep_the_last_checkpoint(this, *rest, **options):
        state = fit(this, *rest, **options)
        kept.append(this.checkpoints.load(CPU))
        return state

    monkeypatch.setattr(session, "fit", keep_the_last_checkpoint)
    folder, history = trained("ddpm", "run", "--extractor", extractor_run)
    (saved,), written = kept, load_file(folder / "model.safetensors")
    assert all(torch.equal(written[name], value) for name, value in saved["average"].items())
    assert not all(torch.equal(written[name], value) for name, value in saved["networks"].items())
    run = Run.load(folder)
    task = Diffusion(run, SYMMETRIC, CPU)
    task.networks.load_state_dict(saved["average"])
    validation = task.validate(Batches(open_split(few, "validation"), SYMMETRIC, CPU))
    assert float(history[-1]["validation/loss"]) == pytest.approx(validation["loss"], rel=1e-6)

    monkeypatch.setattr(fidelity.distances, "KID_SUBSETS", 2)
    names = ("--data-dir", few, "--output", folder.parent / "mnist5k-indomain", "--extractor", extractor_run)
    assert reference.main([*map(str, names), "--samples", "100", "--cache", str(folder.parent / "features")]) == 0
    note = folder.parent / "mnist5k-indomain/reference.json"
    job = ["--run-dir", str(folder), "--data-dir", str(few), "--references", str(note)]
    assert evaluate.main(job) == 0
    shown = np.load(folder / "arrays.npz")["samples"]
    assert (shown == task.sample(len(shown), seed=run.seed).numpy()).all()
    assert json.loads((folder / "timing.json").read_text())["seconds_per_sample"] > 0
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert not [metric for metric in metrics if "second" in metric["metric"]]  # these vary between measurements
    assert {metric["passport"]["ema"] for metric in metrics} == {0.9}
    assert {metric["passport"]["number_type"] for metric in metrics} == {"float32"}
    features = bytearray(note.with_name("features.npy").read_bytes())
    features[-3] ^= 1  # one bit
    note.with_name("features.npy").write_bytes(features)
    assert evaluate.main(job) == 1
    assert "features.npy is damaged: its SHA-256 is" in capsys.readouterr().err


def test_reference_features_are_kept_by_content(few, extractor_run, tmp_path, monkeypatch):
    monkeypatch.setattr(references, "scale", lambda *arguments: [])
    monkeypatch.setattr(references.measure, "keep_copies", lambda *arguments: None)
    reads = []
    read = references.Extractor.read
    monkeypatch.setattr(references.Extractor, "read", lambda self, images: reads.append(1) or read(self, images))

    def refer(suite, extractor=extractor_run, data=few):
        output = tmp_path / suite / "mnist5k-indomain"
        arguments = ("--data-dir", data, "--output", output, "--extractor", extractor, "--cache", tmp_path / "features")
        assert reference.main([*map(str, arguments)]) == 0
        return np.load(output / "features.npy"), json.loads((output / "reference.json").read_text())

    first, note = refer("one")
    again, _ = refer("two")  # another suite
    assert (first == again).all() and len(reads) == 1
    assert len(note["reference"]["images_sha256"]) == 64
    (path,) = (tmp_path / "features").iterdir()
    path.write_bytes(path.read_bytes()[:-200])
    assert (refer("two")[0] == first).all() and len(reads) == 2  # damaged: made again
    shutil.copytree(few, tmp_path / "other")
    info = read_info(few)
    info["hashes"]["test/images.npy"] = "0" * 64
    (tmp_path / "other/dataset.json").write_text(json.dumps(info))
    monkeypatch.setattr("nets.data.prepared.verify", lambda *_: None)
    _, other = refer("three", data=tmp_path / "other")
    assert len(reads) == 3 and other["reference"] != note["reference"]
    assert len(list((tmp_path / "features").iterdir())) == 2


def test_evaluation_refuses_features_of_other_images(few, extractor_run, tmp_path, run_of):
    note = tmp_path / "mnist5k-indomain/reference.json"
    note.parent.mkdir()
    content = {"status": "ok", "reference": {"images_sha256": "0" * 64}, "source": str(extractor_run)}
    note.write_text(json.dumps(content))
    task = Adversarial(run_of("dcgan", "model.width=4 options.samples=64"), SYMMETRIC, CPU)
    with pytest.raises(UserError, match="is of other test images"):
        fidelity.measure(task, [note], few, CPU)


def test_deviations_are_those_of_an_epochs_steps(trained, monkeypatch):
    seen, step = [], Adversarial.step
    monkeypatch.setattr(Adversarial, "step", lambda self, batch: seen.append(step(self, batch)) or seen[-1])
    _, history = trained("dcgan", "run")
    values = np.array([losses["generator"].item() for losses in seen]).reshape(3, -1)
    assert [float(row["train/generator_std"]) for row in history] == pytest.approx(values.std(axis=1), rel=1e-5)
    assert [float(row["train/generator"]) for row in history] == pytest.approx(values.mean(axis=1), rel=1e-6)
