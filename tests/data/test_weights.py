"""Weights that others trained: located, verified, or a hole with its reason if they are not available."""

import json

import pytest
import yaml
from torchvision import models

from nets.data.weights import WeightsFile, fetch
from nets.files import sha256
from nets.jobs.weights import main
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.published import load_published


@pytest.fixture
def place(tmp_path_factory, monkeypatch):
    """An empty `$NETS_DATA` and `$TORCH_HOME`, and no network."""
    tmp_path = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("NETS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NETS_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def entry(place):
    """The entry of a small file."""
    (place / "file.pth").write_bytes(b"weights")
    digest = sha256(place / "file.pth")
    name = f"net-{digest[:8]}.pth"
    return {"title": "Weights", "url": f"https://example.org/{name}", "sha256": digest[:8]}, name, digest


@pytest.mark.parametrize("folder", ["data/weights", "torch/hub/checkpoints"])
def test_from_a_folder(folder, entry, place):
    entry, name, digest = entry
    (place / folder).mkdir(parents=True)
    (place / "file.pth").rename(place / folder / name)
    assert fetch(entry) == WeightsFile("ok", None, place / folder / name, digest)


def test_from_a_given_file_or_one_that_the_catalogue_names(entry, place):
    entry, _, digest = entry
    assert fetch(entry, place / "file.pth").sha256 == digest
    assert fetch(entry | {"url": str(place / "file.pth")}).sha256 == digest
    missing = fetch(entry | {"url": "elsewhere/net.pth"}).reason
    assert missing == "Weights should be in elsewhere/net.pth; put it there and run with RETRY=1."


def test_without_a_network(entry, place):
    weights = fetch(entry[0])
    assert weights.status == "no_data" and weights.file is None
    assert weights.reason == (
        f"{entry[1]} is not here and NETS_OFFLINE forbids the download; "
        f"put {entry[1]} into {place}/data/weights and run with RETRY=1."
    )


def test_damaged(entry, place):
    (place / "file.pth").write_bytes(b"other")
    reason = fetch(entry[0], place / "file.pth").reason
    assert f"file.pth is damaged (its SHA-256 begins with d9298a10, not {entry[0]['sha256']})" in reason


def test_by_hand(place, capsys):
    assert main(["--weights", "inception", "--output", str(place / "inception.json")]) == 0
    assert json.loads((place / "inception.json").read_text())["status"] == "no_data"
    assert main(["--weights", "resnet51_imagenet1k_v1", "--output", str(place / "x.json")]) == 1
    assert (
        "weights.yaml has no 'resnet51_imagenet1k_v1'; did you mean 'resnet50_imagenet1k_v1'" in capsys.readouterr().err
    )


DATASETS = {"v1": "imagenet", "v2": "imagenet_232"}


def test_the_catalogue_is_torchvisions_and_so_are_the_published_values():
    entries = yaml.safe_load((ROOT / "config/weights.yaml").read_text())
    datasets = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())
    resizes = {version: datasets[name] for version, name in DATASETS.items()}
    published = load_published(ROOT / "config/published.csv")
    runs = [run for run in load_runs(ROOT / "config/full.tsv") if run.recipe.name == "evaluate_only"]
    assert {run.pretrained["name"] for run in runs} == {name for name, entry in entries.items() if "model" in entry}
    assert len(runs) == 20
    for name, entry in entries.items():
        if "model" not in entry:
            continue
        model, version = name.split("_imagenet1k_")
        theirs = models.get_model_weights(model)[f"IMAGENET1K_{version.upper()}"]
        preset = theirs.transforms()
        assert (entry["model"], entry["url"]) == (model, theirs.url)
        assert theirs.url.endswith(f"-{entry['sha256']}.pth")
        assert entry["shape"] == [3, *preset.crop_size * 2]
        half = [0.5, 0.5, 0.5]  # what GoogLeNet's transform_input makes of ImageNet's statistics
        assert (entry["mean"], entry["std"]) == ((half, half) if model == "googlenet" else (preset.mean, preset.std))
        record = theirs.meta["_metrics"]["ImageNet-1K"]
        for metric, value in (("top1", record["acc@1"]), ("top5", record["acc@5"])):
            assert published[model, DATASETS[version], metric, "test"][0].value == value
        assert [resizes[version]["sources"][0]["resize"]] == preset.resize_size


def test_a_place_that_cannot_be_written_is_a_hole(entry, place, monkeypatch):
    monkeypatch.setenv("NETS_OFFLINE", "0")
    (place / "data").write_text("a file where the folder should be")
    weights = fetch(entry[0])
    assert weights.status == "no_data" and "could not be downloaded" in weights.reason
