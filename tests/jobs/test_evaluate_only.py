"""The jobs with torchvision's weights on a folder like ImageNet's: fetch, prepare and measure, without training."""

import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torchvision import models

from nets.data.weights import hole
from nets.files import sha256
from nets.jobs import draw, evaluate, prepare, train, weights
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.tasks.transfer import last_linear

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
CLASSES = 6


@pytest.fixture(scope="module", params=["mobilenet_v2", "resnet50"])
def place(request, tmp_path_factory):
    """Six photographs of six classes, torchvision's network as if it had been trained on them, and a row."""
    folder = tmp_path_factory.mktemp(request.param)
    random = np.random.RandomState(0)
    for label in range(CLASSES):
        (folder / f"data/imagenet/val/n0000000{label}").mkdir(parents=True)
        small = Image.fromarray(random.randint(0, 256, (12, 16, 3), np.uint8))
        path = folder / f"data/imagenet/val/n0000000{label}/ILSVRC2012_val_0000000{label}.JPEG"
        small.resize((400, 300), Image.Resampling.BICUBIC).save(path)
    torch.manual_seed(0)
    network = models.get_model(request.param, num_classes=CLASSES).eval()
    spread(network, logits_of(network, folder))
    torch.save(network.state_dict(), folder / "network.pth")
    digest = sha256(folder / "network.pth")
    (folder / "network.pth").rename(folder / f"network-{digest[:8]}.pth")

    weights = yaml.safe_load((ROOT / "config/weights.yaml").read_text())[f"{request.param}_imagenet1k_v1"]
    weights |= {"url": str(folder / f"network-{digest[:8]}.pth"), "sha256": digest}
    (folder / "weights.yaml").write_text(yaml.safe_dump({"six": weights}))
    data = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["imagenet"]
    data |= {"classes": CLASSES, "splits": {"test": CLASSES, "seed": 0}}
    (folder / "datasets.yaml").write_text(yaml.safe_dump({"six": data}))
    (folder / "my.tsv").write_text(HEADER + f"{request.param}\tsix\t\tevaluate_only\t0\toptions.pretrained=six\n")
    (folder / "run").mkdir()
    (folder / "run/config.json").write_text(load_runs(folder / "my.tsv")[0].to_json())
    return folder, network


def logits_of(network, folder):
    """The logits of torchvision's own network and transforms for the files."""
    transforms = models.ResNet50_Weights.IMAGENET1K_V1.transforms()
    paths = sorted((folder / "data/imagenet/val").glob("*/*.JPEG"))
    with torch.no_grad():
        return network(torch.stack([transforms(Image.open(path)) for path in paths]))


def spread(network, logits):
    """Make the head of an untrained network distinguish these images."""
    head = last_linear(network)
    with torch.no_grad():
        head.bias.sub_(logits.mean(0)).div_(logits.std(0).mean())
        head.weight.div_(logits.std(0).mean())


def run(module, *arguments):
    assert module.main([str(argument) for argument in arguments]) == 0


def test_evaluate_only(place, monkeypatch):
    folder, network = place
    monkeypatch.setenv("NETS_DATA", str(folder / "data"))
    job = ("--run-dir", folder / "run", "--data-dir", folder / "six")
    run(prepare, "--dataset", "six", "--catalogue", folder / "datasets.yaml", "--output", folder / "six")
    run(weights, "--weights", "six", "--catalogues", folder, "--output", folder / "six.json")
    run(train, *job, "--pretrained", folder / "six.json")
    run(evaluate, *job)
    run(draw, "--run-dir", folder / "run")

    manifest = json.loads((folder / "run/manifest.json").read_text())
    assert (manifest["status"], manifest["epochs"], manifest["steps"]) == ("ok", 0, 0)
    assert manifest["pretrained"]["name"] == "six"
    logits = logits_of(network, folder)
    predicted = logits.argmax(1)
    assert len(predicted.unique()) > 1
    confusion = np.load(folder / "run/arrays.npz")["confusion"]
    assert [row.argmax() for row in confusion] == predicted.tolist()
    measured = json.loads((folder / "run/metrics.json").read_text())["metrics"]
    metrics = {entry["metric"]: entry["value"] for entry in measured}
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(CLASSES)).item()
    assert metrics["nll"] == pytest.approx(loss, rel=1e-4)
    assert metrics["top1"] == pytest.approx(100 * predicted.eq(torch.arange(CLASSES)).float().mean().item())


def test_without_weights_it_is_a_hole(place, tmp_path):
    folder, _ = place
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text((folder / "run/config.json").read_text())
    (tmp_path / "six").mkdir()
    (tmp_path / "six/dataset.json").write_text('{"status": "ok"}')
    (tmp_path / "six.json").write_text(json.dumps(hole("network.pth is not here.").to_json()))
    job = ("--run-dir", tmp_path / "run", "--data-dir", tmp_path / "six")
    run(train, *job, "--pretrained", tmp_path / "six.json")
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert (manifest["status"], manifest["reason"]) == ("no_data", "It starts from six: network.pth is not here.")
    assert train.main([str(argument) for argument in job]) == 1, "it is told what to start from"
