"""The scale ranks real images above noise, and copies of training images are detected."""

import json

import numpy as np
import pytest
import torch

from nets.data.batches import images_of
from nets.data.prepared import open_split
from nets.errors import UserError
from nets.fidelity import measure as fidelity
from nets.fidelity.extractors import Extractor
from nets.fidelity.reference import scale
from nets.metrics import classes
from nets.tasks.kinds import KINDS

SAMPLING = {"samples": 100, "sampler": "generator", "steps": 1, "ema": None}


@pytest.fixture(scope="module")
def extractor():
    """Coarse pixels are the features; the brightest of their ten bands is the class."""

    def function(images):
        coarse = torch.nn.functional.avg_pool2d(images.float() / 255, 4).flatten(1)
        return coarse, torch.nn.functional.adaptive_avg_pool1d(coarse[:, None], 10)[:, 0]

    return Extractor({"name": "indomain"}, function, torch.device("cpu"))


def test_the_scale_has_real_images_before_noise(digits, extractor, monkeypatch):
    monkeypatch.setattr(fidelity.distances, "KID_SUBSETS", 3)
    train, test = images_of(digits, "train"), images_of(digits, "test")[::4]
    seen = []
    read = extractor.function
    watched = Extractor(extractor.passport, lambda images: seen.append(images) or read(images), extractor.device)
    features, logits = extractor.read(test)
    rows = scale(watched, features, classes.shares(logits).tolist(), train, [150, 300])
    assert [(row["samples"], row["reference"]) for row in rows] == [(150, 250)] * 3 + [(300, 250)] * 3
    real, others, noise = (row["metrics"] for row in rows[3:])
    assert len(torch.cat(seen[:-2]).flatten(1).unique(dim=0)) == 550  # no image is on both sides
    rows = scale(extractor, features, None, train, [3300])
    assert [row["title"].split()[0] for row in rows] == ["training", "noise"]  # 3,500 images are too few for the other
    for metric in ("fid_indomain", "kid_indomain", "class_tv_indomain"):
        assert max(real[metric], others[metric]) < noise[metric] / 3
    for metric in ("precision_indomain", "recall_indomain", "coverage_indomain"):
        assert min(real[metric], others[metric]) > 0.6 > noise[metric]


def test_training_images_are_copies_and_fresh_ones_are_not(digits, monkeypatch):
    monkeypatch.setattr(fidelity, "COMPARED", 300)
    train = images_of(digits, "train")
    copies = fidelity.measure_copies(train[::20], digits, SAMPLING)
    assert copies.metrics[0].value == 100
    assert (copies.arrays["nearest_samples"] == copies.arrays["nearest_training"]).all()
    fresh = fidelity.measure_copies(images_of(digits, "test")[::5], digits, SAMPLING)
    assert fresh.metrics[0].value < 5
    apart = fresh.arrays["nearest_samples"].astype(float) - fresh.arrays["nearest_training"]
    lengths = np.sqrt((apart**2).sum(axis=(1, 2, 3)))
    assert (np.diff(lengths) >= 0).all()
    assert fresh.metrics[0].passport["reference"]["count"] == len(open_split(digits, "train"))


def test_an_extractor_that_is_not_there_leaves_holes(digits, tmp_path):
    class Task:
        run = type("Run", (), {"seed": 0})

        def sampling(self):
            return SAMPLING

        def sample(self, count, seed):
            return torch.randint(256, (count, 1, 28, 28), dtype=torch.uint8)

    path = tmp_path / "mnist5k-inception/reference.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"status": "no_data", "reason": "not here"}))
    measured = fidelity.measure(Task(), [path], digits, torch.device("cpu"))
    *missing, copies = measured.metrics
    names = ("fid", "kid", "is", "precision", "recall", "density", "coverage")
    assert {m.metric for m in missing} == {f"{name}_inception" for name in names}
    assert {(m.value, m.reason) for m in missing} == {(None, "not here")}
    assert {m.metric: m.direction for m in missing}["coverage_inception"] == "higher"
    assert copies.metric == "copies"
    assert {m.metric for m in fidelity.holes("indomain", "")} > {"class_tv_indomain", "is_indomain"}
    assert "classes_real" not in measured.arrays


def test_faces_without_classes_are_compared_by_inception(run_of):
    runs = run_of("wgan", dataset="anime_faces"), run_of("ddpm"), run_of("lenet5")
    headlines = [KINDS[run.task].family.headline_of(run.fidelity) for run in runs]
    assert headlines == ["fid_inception", "fid_indomain", "top1"]


def test_the_extractor_of_a_reference_is_in_the_same_results(tmp_path):
    path = tmp_path / "results/quick/fidelity/mnist5k-indomain/reference.json"
    run = tmp_path / "results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json"
    assert fidelity.source_of(path, {"source": str(run)}) == run
    for elsewhere in (tmp_path / "other/manifest.json", tmp_path / "results/../other/manifest.json"):
        with pytest.raises(UserError, match="leads out of"):
            fidelity.source_of(path, {"source": str(elsewhere)})
