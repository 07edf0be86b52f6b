"""The network and recipe of the speed records, against their source: airbench94 of KellerJordan/cifar10-airbench."""

import numpy as np
import pytest
import torch
from torch import nn

from nets.data.batches import Batches, PixelRange
from nets.models.speedrun import Speedrun, Whitening
from nets.tasks.classification import Classification
from nets.training.schedules import lr_factor

CPU = torch.device("cpu")


def test_it_has_the_layers_and_numbers_of_its_source():
    """Counted by hand from `make_net94`: kernels of 2 and 3 pixels, no bias but the first, norms with shifts alone."""
    network, shapes = Speedrun(3, 10), []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Whitening | nn.Linear):
            module.register_forward_hook(lambda m, x, y: shapes.append(tuple(y.shape[1:])))
    network(torch.zeros(1, 3, 32, 32))
    assert shapes == [
        *[(24, 31, 31), (64, 31, 31), (64, 15, 15), (256, 15, 15), (256, 7, 7), (256, 7, 7), (256, 3, 3)],
        (10,),
    ]
    learned = 24 + 9 * (24 * 64 + 64**2 + 64 * 256 + 3 * 256**2) + 2 * (64 + 256 + 256) + 256 * 10
    assert sum(parameter.numel() for parameter in network.parameters()) == learned == 1_971_352
    fixed = [buffer.numel() for name, buffer in network.named_buffers() if name.endswith("weight")]
    assert learned + sum(fixed) == 1_972_792


def test_convolutions_begin_as_copies_of_their_input_and_logits_are_scaled_down():
    network = Speedrun(3, 10)
    images = torch.randn(2, 64, 15, 15)
    assert torch.equal(network.groups[1].conv1(images)[:, :64], images)
    seen = []
    network.classifier.register_forward_pre_hook(lambda m, x: seen.append(x[0]))
    logits = network.eval()(torch.randn(4, 3, 32, 32))
    torch.testing.assert_close(logits, 9 * seen[0] @ network.classifier.weight.T / 9)
    assert seen[0].shape == (4, 256)


def test_whitened_patches_are_uncorrelated_and_of_unit_variance_where_there_is_some():
    random = np.random.RandomState(0)
    pixels = np.cumsum(random.randn(30, 3, 9, 9), axis=3)  # neighbours are alike
    layer = Whitening(3)
    layer.fit(torch.from_numpy(pixels).float())
    patches = np.array([p[:, y : y + 2, x : x + 2].ravel() for p in pixels for y in range(8) for x in range(8)])
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    expected = (vectors / np.sqrt(values + 5e-4)).T[::-1]
    filters = layer.weight.flatten(1).numpy()
    np.testing.assert_array_equal(filters[:12], -filters[12:])
    signs = np.sign((filters[:12] * expected).sum(1, keepdims=True))
    np.testing.assert_allclose(filters[:12] * signs, expected, rtol=1e-3, atol=1e-4)
    white = patches @ filters[:12].T
    np.testing.assert_allclose(white.T @ white / len(white), np.diag(values[::-1] / (values[::-1] + 5e-4)), atol=1e-3)


@pytest.fixture
def make_task(run_of, few_digits):
    """A task after the look at its data, with the images of that look; and its training data."""

    def make(seed=0, overrides="model.width=0.125 augment.flip=false batch_size=64 optimizer.lr=0.4 epochs=6"):
        run = run_of("speedrun", overrides, seed)
        pixels = PixelRange((0.1307,), (0.3081,))
        torch.manual_seed(seed)
        task = Classification(run, pixels, CPU)
        data = {
            name: Batches(few_digits(name, 512), pixels, CPU, run.recipe.augment) for name in ("train", "validation")
        }
        return task, task.view(data)

    return make


def test_it_whitens_training_images_that_the_seed_draws(make_task, few_digits, monkeypatch):
    monkeypatch.setattr("nets.tasks.classification.BEGINNING", 100)
    first, again, other = (make_task(seed)[0].networks["classifier"].whitening.weight for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    monkeypatch.setattr("nets.tasks.classification.BEGINNING", 512)
    task, data = make_task()
    expected = Whitening(1)
    expected.fit(torch.cat([batch.images for batch in data["train"].ordered()]))
    found = task.networks["classifier"].whitening.weight
    torch.testing.assert_close(found.abs(), expected.weight.abs(), rtol=1e-4, atol=1e-4)


def test_another_start_is_not_whitened_again(make_task, monkeypatch):
    task, data = make_task()
    before = task.networks["classifier"].whitening.weight.clone()
    object.__setattr__(task.run, "pretrained", {"name": "other"})
    data["train"].order = data["train"].order[:10]
    task.view(data)
    assert torch.equal(task.networks["classifier"].whitening.weight, before)


def test_biases_of_norms_learn_faster_and_all_weights_shrink_alike(make_task):
    task, _ = make_task()
    slow, fast = task.optimizers["classifier"].param_groups
    names = {id(parameter): name for name, parameter in task.networks.named_parameters()}
    assert {names[id(p)].split(".")[-2] for p in fast["params"]} == {"norm1", "norm2"}
    assert not [name for p in slow["params"] if "norm" in (name := names[id(p)])]
    assert fast["lr"] == pytest.approx(64 * slow["lr"])
    assert fast["lr"] * fast["weight_decay"] == pytest.approx(slow["lr"] * slow["weight_decay"])


def test_the_recipe_is_that_of_the_source_in_its_own_units(run_of):
    """The source sums the loss over 1,024 images, and decouples momentum, rate and decay from each other."""
    recipe = run_of("speedrun", "augment.flip=false").recipe
    momentum, per_step = 0.85, 1024 * (1 + 1 / (1 - 0.85))
    theirs = {"lr": 11.5 / per_step, "decay": 0.0153 * 1024 / per_step}  # decay: the share that a step takes away
    assert recipe.optimizer["momentum"] == momentum and recipe.batch_size == 1024
    assert recipe.optimizer["lr"] == pytest.approx(1024 * theirs["lr"], rel=1e-3)
    assert recipe.optimizer["lr"] * recipe.optimizer["weight_decay"] == pytest.approx(theirs["decay"], rel=3e-2)
    rates = [lr_factor(recipe.schedule, step, 48, recipe.epochs) for step in range(480)]
    assert rates.index(max(rates)) / 480 == pytest.approx(0.23, abs=0.003)


def test_it_learns(make_task):
    task, data = make_task()
    for epoch in range(6):
        for batch in data["train"].epoch(64, seed=epoch):
            for group in task.optimizers["classifier"].param_groups:
                group["lr"] *= 0.95
            task.learn(batch)
    assert task.validate(data["validation"])["top1"] > 85


def test_tricks_can_be_left_out():
    images = torch.rand(64, 3, 16, 16)
    learned = Speedrun(3, 10, 0.25, whitening=False)
    before = learned.whitening.weight.detach().clone()
    learned.initialise_from(images)
    assert learned.whitening.weight.requires_grad and torch.equal(learned.whitening.weight, before)
    assert learned(images).shape == (64, 10)
    x = torch.randn(2, 24, 8, 8)
    copied, random = (Speedrun(3, 10, 0.5, copies=copies).groups[0].conv1(x)[:, :24] for copies in (True, False))
    assert torch.equal(copied, x) and not torch.allclose(random, x, atol=0.1)
