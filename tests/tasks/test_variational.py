"""Variational autoencoders: loss, samples and metrics."""

import math

import pytest
import torch

from nets.data.batches import UNIT, Batches
from nets.metrics import latent
from nets.metrics.reconstruction import bce, squared_error
from nets.tasks import variational
from nets.tasks.reconstruction import Reconstruction, SampledReconstruction

SMALL = "model.widths=[32]"


@pytest.fixture
def task_of(run_of):
    def make(overrides=""):
        torch.manual_seed(0)
        return SampledReconstruction(run_of("vae", f"{SMALL} {overrides}"), UNIT, torch.device("cpu"))

    return make


@pytest.fixture
def data(few_digits):
    return Batches(few_digits("train"), UNIT, torch.device("cpu"))


def test_the_loss_is_the_negative_bound(task_of, data):
    task, batch = task_of(), next(data.ordered(64))
    network = task.networks["autoencoder"]
    torch.manual_seed(1)
    losses = task.losses(batch)
    torch.manual_seed(1)
    mean, log_variance = network.encode(batch.images)
    logits = network.decode(network.reparametrize(mean, log_variance))
    kl = latent.gaussian_kl(mean, log_variance).mean()
    torch.testing.assert_close(losses["kl"], kl)
    torch.testing.assert_close(losses["loss"], bce(batch.images, logits).mean() + kl)


def test_the_teaching_form_is_784_mean_squared_errors_and_a_hundredth_of_the_kl(task_of, data):
    task, batch = task_of("options.loss=mse options.beta=0.01"), next(data.ordered(64))
    network = task.networks["autoencoder"]
    torch.manual_seed(1)
    losses = task.losses(batch)
    torch.manual_seed(1)
    image = network.image(network.decode(network.reparametrize(*network.encode(batch.images))))
    mse = (image - batch.images).square().mean()
    torch.testing.assert_close(losses["loss"], 784 * mse + 0.01 * losses["kl"])
    torch.testing.assert_close(784 * mse, squared_error(batch.images, image).mean())


def test_gradients_pass_the_sample_to_mean_and_variance(task_of, data):
    task = task_of("options.beta=0")  # no KL, so gradients come through the sample
    task.losses(next(data.ordered(64)))["loss"].backward()
    rows = task.networks["autoencoder"].encoder[-1][-1].weight.grad
    assert rows.shape[0] == 4
    assert rows.abs().sum(1).min() > 0


def test_it_learns_and_its_numbers_fit_each_other(task_of, data):
    task = task_of()
    before = task.evaluate(data).metrics
    for epoch in range(10):
        for batch in data.epoch(32, seed=epoch):
            task.step(batch)
    evaluation = task.evaluate(data)
    after = evaluation.metrics
    assert after["nll_is64"] < before["nll_is64"] - 100
    assert after["nll_is64"] < -after["elbo"]  # 64 samples give a tighter bound than one
    assert after["bpd"] == pytest.approx(after["nll_is64"] / (784 * math.log(2)))
    assert after["objective"] == pytest.approx(-after["elbo"], rel=0.01)  # the training loss, with other noise
    assert 0 < after["active_units"] <= 2
    assert evaluation.arrays["samples"].shape == (64, 1, 28, 28)
    assert evaluation.arrays["manifold"].shape == (225, 1, 28, 28)
    assert evaluation.arrays["latents"].shape == (256, 2)


def test_evaluation_repeats_and_leaves_the_training_noise_alone(task_of, data):
    task = task_of()
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    first = task.evaluate(data).metrics
    task.validate(data)
    assert torch.equal(torch.randn(4), expected)
    assert task.evaluate(data).metrics == first


def test_samples_are_fixed_by_seed(task_of):
    task = task_of("options.samples=64")
    first, again, other = task.sample(6, seed=1), task.sample(6, seed=1), task.sample(6, seed=2)
    assert first.dtype == torch.uint8 and first.shape == (6, 1, 28, 28)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert task.sampling()["samples"] == 64


def test_the_decoder_is_counted_apart_since_it_alone_draws(task_of):
    assert task_of().macs() == {"autoencoder": 2 * 784 * 32 + 32 * 4 + 2 * 32, "decoder": 2 * 32 + 32 * 784}


def test_weights_are_chosen_by_the_loss_and_those_of_an_autoencoder_by_the_error(task_of, run_of):
    assert task_of().selection == ("loss", "lower")
    plain = Reconstruction(run_of("autoencoder", SMALL), UNIT, torch.device("cpu"))
    assert plain.selection == ("mse", "lower")


def test_bits_a_dimension_are_of_grey_images_alone(run_of):
    images = torch.rand(4, 3, 32, 32)
    network = Reconstruction(run_of("vae", SMALL, dataset="cifar10"), UNIT, torch.device("cpu")).networks["autoencoder"]
    data = type("Data", (), {"ordered": lambda self: [type("B", (), {"images": images})]})()
    assert "bpd" not in variational.measure(network, data)
