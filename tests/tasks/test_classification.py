"""Classification learns real digits, weights auxiliary heads, and reports when it has learned nothing."""

import dataclasses

import pytest
import torch
import yaml
from torch import nn

from nets.data.batches import Batches, PixelRange
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.tasks.classification import Classification


@pytest.fixture
def task(run_of, few_digits):
    torch.manual_seed(0)
    return Classification(run_of("lenet5"), Classification.pixel_range(few_digits("train").info), torch.device("cpu"))


@pytest.fixture
def data(task, few_digits):
    return Batches(few_digits("train"), task.pixels, torch.device("cpu"))


def test_it_learns(task, data):
    before = task.validate(data)["loss"]
    for epoch in range(4):
        for batch in data.epoch(32, seed=epoch):
            task.step(batch)
    assert task.validate(data)["loss"] < 0.7 * before


def test_images_are_standardised(data):
    images = torch.cat([batch.images for batch in data.ordered()])
    assert images.mean().abs() < 0.2
    assert abs(images.std() - 1) < 0.2


def test_evaluation_counts_every_sample_once(task, data):
    evaluation = task.evaluate(data)
    assert evaluation.arrays["confusion"].sum() == len(data) == 256
    right = evaluation.arrays["predicted"] == evaluation.arrays["labels"]
    assert evaluation.metrics["top1"] == pytest.approx(100 * right.mean())
    assert (evaluation.arrays["labels"] == data.labels[data.order].numpy()).all()
    assert evaluation.metrics["top1"] == pytest.approx(100 * evaluation.arrays["confusion"].trace() / 256)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.main, self.auxiliary = nn.Linear(784, 10), nn.Linear(784, 10)

    def forward(self, x):
        x = x.flatten(1)
        return (self.main(x), self.auxiliary(x)) if self.training else self.main(x)


@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize("weight", [0.3, 0.6])
def test_auxiliary_heads_have_their_weight_and_smooth_labels_too(run_of, data, weight, smoothing):
    options = f"options.auxiliary_weight={weight} options.label_smoothing={smoothing}"
    run = run_of("lenet5", f"{options} optimizer.name=sgd")
    task = Classification(run, data.pixels, torch.device("cpu"))
    torch.manual_seed(0)
    network = task.networks["classifier"] = TwoHeads()
    network.auxiliary.load_state_dict(network.main.state_dict())
    task.optimizers["classifier"] = torch.optim.SGD(network.parameters(), lr=0.0)
    task.step(next(data.ordered(64)))
    assert torch.allclose(network.auxiliary.weight.grad, weight * network.main.weight.grad, rtol=1e-5)


def test_the_worst_images_are_wrong_ones_of_the_highest_loss(task, data):
    arrays = task.evaluate(data).arrays
    logits, labels = task.predict(data)
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = losses[logits.argmax(1) != labels].sort(descending=True).values[: len(arrays["worst_true"])]
    probabilities = logits.softmax(1)
    assert (arrays["worst_true"] != arrays["worst_predicted"]).all()
    assert len(arrays["worst_images"]) == len(arrays["worst_probability"]) == 24
    for index in range(24):
        (sample,) = (losses == wrong[index]).nonzero().flatten()[:1]
        assert arrays["worst_true"][index] == labels[sample]
        assert arrays["worst_probability"][index] == pytest.approx(probabilities[sample].max().item())
        raw = data.images[data.order[sample]].numpy()
        assert (arrays["worst_images"][index] == raw).all()  # the same pixels as on disk


def test_a_network_without_mistakes_has_no_worst_images(task, data):
    labels = next(data.ordered()).labels
    arrays = task.worst(data, 9.0 * torch.nn.functional.one_hot(labels, 10), labels)
    assert arrays["worst_images"].shape == (0, 1, 28, 28)


CATALOGUE = yaml.safe_load((ROOT / "config/models.yaml").read_text())
CLASSIFIERS = {name: entry for name, entry in CATALOGUE.items() if entry["task"] == "classification"}


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_every_classifier_takes_two_steps_and_is_measured(model, tmp_path, few_digits):
    width = "model.width=0.125" if "width" in CLASSIFIERS[model]["networks"]["classifier"]["args"] else ""
    table = tmp_path / "one.tsv"
    row = f"{model}\tmnist5k\tshort\t0\t{width} optimizer.lr=0.01"
    table.write_text(f"model\tdataset\trecipe\tseeds\toverrides\n{row}\n")
    task = Classification(load_runs(table)[0], PixelRange((0.13,), (0.31,)), torch.device("cpu"))
    data = Batches(few_digits("train", 16), task.pixels, torch.device("cpu"), task.run.recipe.augment)
    before = {name: value.clone() for name, value in task.networks.named_parameters()}
    for batch in data.epoch(8, seed=0):
        assert all(torch.isfinite(loss) for loss in task.step(batch).values())
    moved = [name for name, value in task.networks.named_parameters() if not torch.equal(value, before[name])]
    assert len(moved) > 0.9 * len(before)
    assert task.evaluate(data).arrays["confusion"].sum() == 16
    assert task.macs()["classifier"] > 0


def at(train, validation):
    return [{"train/top1": train, "validation/top1": validation}]


def test_a_run_at_chance_has_failed(task, data):
    assert "Training top-1 ended at 11.2 %, near the 10.0 % of chance" in task.failure(at(11.2, 11.2), data.info)
    assert task.failure(at(40.0, 42.0), data.info) is None


def test_averaged_weights_at_chance_have_failed_though_the_last_ones_learned(task, data):
    assert task.failure(at(60.0, 10.4), data.info) is None  # without an average, this is overfitting: a result
    averaged = dataclasses.replace(task.run, recipe=dataclasses.replace(task.run.recipe, ema=0.999))
    task = Classification(averaged, data.pixels, torch.device("cpu"))
    assert "Validation top-1 ended at 10.4 %, near the 10.0 % of chance" in task.failure(at(60.0, 10.4), data.info)
    assert task.failure(at(60.0, 10.4) + at(70.0, 50.0), data.info) is None  # the last epoch counts


def test_always_the_most_frequent_class_is_no_result(run_of, data):
    run = run_of("lenet5", "ema=0.999")
    task = Classification(
        dataclasses.replace(run, data=run.data | {"classes": ["a", "b"]}), data.pixels, torch.device("cpu")
    )
    info = data.info | {"class_counts": {"train": [95, 5], "validation": [9, 1], "test": [1, 99]}}
    assert "Training top-1 ended at 95.1 %, near the 95.0 % of chance" in task.failure(at(95.1, 99.0), info)
    assert "Validation top-1 ended at 90.0 %, near the 90.0 % of chance" in task.failure(at(97.0, 90.0), info)
    assert task.failure(at(97.0, 92.0), info) is None


def test_two_classes_may_learn_slowly(run_of, few_digits, data):
    run = run_of("lenet5")
    run = dataclasses.replace(run, data=run.data | {"classes": ["a", "b"]})
    task = Classification(run, Classification.pixel_range(few_digits("train").info), torch.device("cpu"))
    assert "near the 50.0 % of chance" in task.failure(at(50.5, 50.1), data.info)
    assert task.failure(at(66.1, 64.0), data.info) is None
