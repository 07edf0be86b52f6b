"""The scale ranks real images above noise, and copies of training images are detected."""

import json
import time
from types import SimpleNamespace

import pytest
import torch
from sklearn.metrics import accuracy_score

from nets.data.batches import images_of
from nets.data.prepared import open_split
from nets.errors import UserError
from nets.fidelity import measure as fidelity
from nets.fidelity.extractors import Extractor, Features, load_extractor
from nets.fidelity.reference import read_once, scale, write_reference
from nets.metrics import classes
from nets.tasks.kinds import KINDS

CPU = torch.device("cpu")
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


def test_studies_of_samples_are_made_where_a_row_asks(digits, extractor):
    images = images_of(digits, "test")
    real, generated = extractor.read(images[::2]).features, extractor.read(images[:10])  # ten images of one class
    drawn = [
        ("ddim", 2, images[1::4]),
        ("ddim", 5, images[1::6]),
        ("ddim", 9, images[1::8]),
        ("ancestral", 2, images[:90]),
    ]
    drawn += [("ancestral", 5, images[:80]), ("ancestral", 9, images[:70])]
    task = SimpleNamespace(asked=lambda name: name == "modes", alternatives=lambda: iter(drawn))
    found = fidelity.studies(task, extractor, real, [0.1] * 10, generated)
    fids = {
        key: fidelity.distances.fid(real, extractor.read(part).features)
        for key, part in ((f"{s} {n}", i) for s, n, i in drawn)
    }
    assert found.arrays["sampling_steps"].tolist() == [2, 5, 9]
    for sampler in ("ddim", "ancestral"):
        expected = [fids[f"{sampler} {steps}"] for steps in (2, 5, 9)]
        assert found.arrays[f"fid_by_steps_{sampler}"].tolist() == expected
        assert found.metrics[f"fid_few_{sampler}"] == expected[1]
    assert found.metrics["modes_indomain"] == len(set(generated.logits.argmax(1).tolist()))
    idle = SimpleNamespace(asked=lambda name: False, alternatives=lambda: iter(()))
    assert fidelity.studies(idle, extractor, real, [0.1] * 10, generated) == fidelity.Evaluation({})


def test_copies_are_measured_in_pixels_and_in_features(digits, extractor, monkeypatch):
    monkeypatch.setattr(fidelity, "COMPARED", 300)
    train = images_of(digits, "train")
    found = fidelity.measure_copies(train[::20], digits, SAMPLING, extractor, seed=0)
    assert {m.metric: m.value for m in found.metrics} == {"copies": 100, "copies_indomain": 100}
    assert (found.arrays["nearest_samples"] == found.arrays["nearest_training"]).all()
    pixels, features = (m.passport for m in found.metrics)
    assert pixels["extractor"] == {"name": "pixels"} and features["extractor"] == extractor.passport
    assert pixels["reference"]["count"] == len(open_split(digits, "train"))
    fresh = fidelity.measure_copies(images_of(digits, "test")[::5], digits, SAMPLING, None, seed=0)
    assert [m.metric for m in fresh.metrics] == ["copies"]
    assert fresh.metrics[0].value < 5


def test_generators_share_what_does_not_depend_on_samples(few, extractor_run, tmp_path, monkeypatch):
    """With the same numbers, and with no look at the training images in features."""
    monkeypatch.setattr("nets.fidelity.reference.scale", lambda *arguments: [])
    write_reference(extractor_run, few, tmp_path, [100], None, CPU)
    reference = json.loads((tmp_path / "reference.json").read_text())
    samples, classifier = images_of(few, "test")[::5], load_extractor(extractor_run, few, CPU)
    alone = fidelity.measure_copies(samples, few, SAMPLING, classifier, seed=0)
    kept = fidelity.kept_copies(tmp_path / "reference.json", reference, few)
    seen, match = [], fidelity.copies.Known.match
    watched = Extractor(classifier.passport, lambda x: seen.append(len(x)) or classifier.function(x), CPU)
    monkeypatch.setattr(fidelity.copies.Known, "match", lambda self, images: seen.append(self) or match(self, images))
    shared = fidelity.measure_copies(samples, few, SAMPLING, watched, seed=0, kept=kept)
    assert shared.metrics == alone.metrics and all(m.value is not None for m in shared.metrics)
    assert all((shared.arrays[name] == alone.arrays[name]).all() for name in alone.arrays)
    assert sum(n for n in seen if isinstance(n, int)) == 9 * len(samples)  # moved in eight directions
    assert len([each for each in seen if not isinstance(each, int)]) == 2  # not the held-out images

    known = reference["copies"] | {"images_sha256": ["0" * 64, "0" * 64]}
    with pytest.raises(UserError, match="other training images"):
        fidelity.kept_copies(tmp_path / "reference.json", reference | {"copies": known}, few)
    (tmp_path / "training.npy").rename(tmp_path / "away.npy")
    kept = fidelity.kept_copies(tmp_path / "reference.json", reference, few)
    assert fidelity.measure_copies(samples, few, SAMPLING, classifier, seed=0, kept=kept).metrics == alone.metrics
    (tmp_path / "training.npy").write_bytes(b"")
    with pytest.raises(UserError, match=r"training\.npy is damaged"):
        fidelity.kept_copies(tmp_path / "reference.json", reference, few)


def test_what_a_seed_draws_is_not_shared(few, extractor, monkeypatch):
    assert fidelity.keep_copies(few, None, CPU).views is None  # of pixels, the limit
    monkeypatch.setattr(fidelity, "is_drawn", lambda info, split: split == "train")
    assert fidelity.keep_copies(few, extractor, CPU) is None


def test_features_are_not_searched_where_copies_cannot_be_told(few, extractor, monkeypatch):
    def read(images):
        raise AssertionError("looked at in features")

    blind = Extractor(extractor.passport, read, CPU)
    views = torch.zeros(2, len(open_split(few, "train")), 3)
    kept = fidelity.copies.Kept({"copies": 0.5, "copies_indomain": 0.0}, views)
    found = fidelity.measure_copies(images_of(few, "test")[::5], few, SAMPLING, blind, seed=0, kept=kept)
    assert [m.value is None for m in found.metrics] == [False, True]


def test_data_with_equal_images_on_both_sides_have_no_number_of_copies(digits, extractor, monkeypatch):
    known = fidelity.copies.Known

    class Repeated(known):
        def match(self, images):
            found = super().match(images)
            found.ratio[: len(images) // 50] = 0
            return found

    monkeypatch.setattr(fidelity.copies, "Known", Repeated)
    found = fidelity.measure_copies(images_of(digits, "test")[::20], digits, SAMPLING, extractor, seed=0)
    assert [m.value for m in found.metrics] == [None, None]
    assert "equal to training images" in found.metrics[0].reason
    assert len(found.arrays["nearest_samples"]) == fidelity.SHOWN


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
    assert {m.metric for m in fidelity.holes("indomain", "")} > {"class_tv_indomain", "copies_indomain"}
    assert "classes_real" not in measured.arrays


def test_faces_without_classes_are_compared_by_inception(run_of):
    runs = run_of("wgan", dataset="anime_faces"), run_of("ddpm"), run_of("lenet5")
    headlines = [KINDS[run.task].family.headline_of(run.fidelity) for run in runs]
    assert headlines == ["fid_inception", "fid_indomain", "top1"]


def test_a_reference_says_how_good_its_classifier_is(few, extractor_run, tmp_path, monkeypatch):
    monkeypatch.setattr("nets.fidelity.reference.scale", lambda *arguments: [])
    write_reference(extractor_run, few, tmp_path, [100], None, CPU)
    passport = json.loads((tmp_path / "reference.json").read_text())["extractor"]
    test = open_split(few, "test")
    answers = load_extractor(extractor_run, few, CPU).read(images_of(few, "test")).logits.argmax(dim=1)
    assert passport["top1"] == pytest.approx(100 * accuracy_score(test.labels[test.indices], answers), abs=0.01)
    assert passport["classes"] == 10


def test_kept_features_are_those_of_the_same_kind_of_device(tmp_path):
    """Devices round in their own ways, and a number must not depend on who has computed first."""
    info = {"hashes": {"test/images.npy": "a", "test/test.npy": "b"}, "mean": [0.1], "std": [0.3]}
    for number, device in enumerate((CPU, torch.device("cuda"))):
        extractor = SimpleNamespace(
            passport={"name": "x"}, device=device, read=lambda images, n=number: Features(images + n, images + n)
        )
        assert read_once(extractor, torch.zeros(2, 3), info, tmp_path).features[0, 0] == number
    again = SimpleNamespace(passport={"name": "x"}, device=CPU, read=None)
    assert read_once(again, torch.zeros(2, 3), info, tmp_path).features[0, 0] == 0


def test_the_warm_up_is_not_timed():
    """Devices work through a queue: a sample is there when `cpu` returns, and with it all that was asked for before."""

    class Drawn:
        def __init__(self, waiting):
            self.waiting = waiting

        def cpu(self):
            time.sleep(sum(self.waiting))
            self.waiting.clear()

    class Task:
        device, waiting = torch.device("cpu"), []

        def sample(self, count, seed):
            self.waiting.append(0.2)
            return Drawn(self.waiting)

    assert fidelity.time_a_sample(Task())["seconds_per_sample"] < 0.3 / fidelity.TIMED


def test_the_extractor_of_a_reference_is_in_the_same_results(tmp_path):
    path = tmp_path / "results/quick/fidelity/mnist5k-indomain/reference.json"
    run = tmp_path / "results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json"
    assert fidelity.source_of(path, {"source": str(run)}) == run
    for elsewhere in (tmp_path / "other/manifest.json", tmp_path / "results/../other/manifest.json"):
        with pytest.raises(UserError, match="leads out of"):
            fidelity.source_of(path, {"source": str(elsewhere)})
