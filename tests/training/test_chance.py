"""The recipes of networks without batch norm learn; a run that stays at chance is a hole, not a result."""

import json
import math

import pytest

from nets.jobs import train
from nets.suite.expansion import load_runs

HEADER = "model\tdataset\trecipe\tseeds\toverrides\n"


def trained(folder, digits, model, recipe, overrides):
    """Run the job; returns the manifest and the last row of the history."""
    (folder / "one.tsv").write_text(f"{HEADER}{model}\tmnist5k\t{recipe}\t0\t{overrides}\n")
    (folder / "config.json").write_text(load_runs(folder / "one.tsv")[0].to_json())
    command = ["--run-dir", folder, "--data-dir", digits, "--retry", "make run RETRY=1"]
    assert train.main([str(word) for word in command]) == 0
    names, *_, last = ((line.split(",")) for line in (folder / "history.csv").read_text().splitlines())
    return json.loads((folder / "manifest.json").read_text()), dict(zip(names, map(float, last), strict=True))


def test_a_run_that_stays_at_chance_is_marked_diverged(tmp_path, digits):
    shorter = "model.width=0.0625 epochs=2 schedule.milestones=[1] augment.flip=false"
    manifest, last = trained(tmp_path, digits, "alexnet", "alexnet", f"{shorter} optimizer.lr=1e-7")
    assert last["train/top1"] < 14.5
    assert manifest["status"] == "diverged"
    assert "near the 10.0 % of chance" in manifest["reason"]
    assert manifest["retry"] == "make run RETRY=1"
    assert manifest["weights"] == {}


@pytest.mark.parametrize(
    ("model", "settings"),
    [("autoencoder", "model.widths=[16]"), ("dcgan", "model.width=4 options.fid_samples=0")],
)
def test_weights_that_exploded_are_no_result(tmp_path, digits, model, settings):
    """Saturated sigmoids keep the losses finite."""
    manifest, last = trained(tmp_path, digits, model, model, f"{settings} epochs=1 batch_size=64 optimizer.lr=1e8")
    assert last["step"] > 0 and not any(math.isnan(value) for name, value in last.items() if name.startswith("train/"))
    assert manifest["status"] == "diverged" and manifest["weights"] == {}
    assert "The largest weight ended at " in manifest["reason"] and "beyond 1,000,000" in manifest["reason"]


@pytest.mark.parametrize(
    ("model", "recipe", "narrower"),
    [
        ("alexnet", "alexnet", "model.width=0.125 epochs=4 schedule.milestones=[3]"),
        ("zfnet", "zfnet", "model.width=0.0625 epochs=5 schedule.milestones=[4]"),
        ("vgg11", "vgg", "model.width=0.125 epochs=7 schedule.milestones=[6]"),
    ],
    ids=["alexnet", "zfnet", "vgg"],
)
def test_the_recipes_of_networks_without_batch_norm_learn(tmp_path, digits, model, recipe, narrower):
    """The recipes as they are, except that digits are not mirrored."""
    manifest, last = trained(tmp_path, digits, model, recipe, f"{narrower} augment.flip=false")
    assert manifest["status"] == "ok"
    assert last["validation/top1"] > 40
