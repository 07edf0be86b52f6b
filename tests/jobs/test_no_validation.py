"""A data set without validation images: all others are learned from, and the weights of the last epoch are measured."""

import json

import pytest
import torch
import yaml

from nets.errors import ConfigError
from nets.fidelity.curve import find_watching
from nets.fidelity.extractors import load_extractor
from nets.jobs import draw, evaluate, prepare, train
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A function that writes a row on `whole`, 300 digits to learn from and 200 to test, and returns the table."""
    folder = tmp_path_factory.mktemp("whole")
    entry = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["mnist5k"]
    entry["splits"] = {"train": 300, "unused": 4500, "validation": 0, "test": 200, "seed": 0}
    (folder / "datasets.yaml").write_text(yaml.safe_dump({"whole": entry}))

    def write(model, recipe, overrides):
        (folder / "my.tsv").write_text(HEADER + f"{model}\twhole\t\t{recipe}\t0\t{overrides}\n")
        return folder / "my.tsv"

    return write


@pytest.mark.parametrize(
    ("model", "recipe", "overrides", "measured"),
    [
        ("lenet5", "lenet5", "epochs=2 batch_size=50", {("top1", "test")}),
        ("autoencoder", "autoencoder", "epochs=2", {("mse", "test"), ("mse", "train")}),
        ("vae", "vae", "epochs=1 options.samples=64 options.fid_samples=0", {("objective", "test")}),
    ],
)
def test_the_last_weights_are_measured(table, model, recipe, overrides, measured):
    path = table(model, recipe, overrides)
    run = load_runs(path)[0]
    folder, data = path.parent / model, path.parent / "data"
    folder.mkdir()
    (folder / "config.json").write_text(run.to_json())
    if not (data / "dataset.json").exists():
        catalogue = str(path.parent / "datasets.yaml")
        assert prepare.main(["--dataset", "whole", "--output", str(data), "--catalogue", catalogue]) == 0
    info = json.loads((data / "dataset.json").read_text())
    assert info["counts"] == {"train": 300, "validation": 0, "test": 200}
    assert train.main(["--run-dir", str(folder), "--data-dir", str(data)]) == 0
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["weights"]) == {"last"} and manifest["status"] == "ok"
    assert "validation" not in (folder / "history.csv").read_text()
    assert evaluate.main(["--run-dir", str(folder), "--data-dir", str(data)]) == 0
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert measured <= {(m["metric"], m["split"]) for m in metrics if m["value"] is not None}
    assert not [m for m in metrics if m["metric"].endswith("_best")]
    assert [m["reason"] for m in metrics if m["metric"] == "copies"] == (
        ["There are no validation images to say how near a new image is to the training images."]
        if model == "vae"
        else []
    )
    assert draw.main(["--run-dir", str(folder)]) == 0
    if model == "lenet5":  # its features can measure generators
        watching = find_watching(folder / "manifest.json")
        assert watching.weights_sha256 == manifest["weights"]["last"]["sha256"]
        extractor = load_extractor(folder / "manifest.json", data, torch.device("cpu"))
        assert extractor.function(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))[1].shape == (2, 10)


def test_fid_during_training_needs_validation_images(table):
    with pytest.raises(ConfigError, match=r"line 2: whole has no validation images .* set options.fid_samples=0"):
        load_runs(table("dcgan", "dcgan", ""))
