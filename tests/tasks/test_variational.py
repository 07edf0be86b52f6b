"""Variational autoencoders: loss, samples and metrics."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from nets.data.batches import UNIT, Batches
from nets.metrics import latent
from nets.metrics.reconstruction import bce, pixel_entropy, squared_error
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
    assert after["nll_binarised_is64"] < before["nll_binarised_is64"] - 100
    assert after["nll_binarised_is5000"] < after["nll_binarised_is64"]  # more samples give a tighter bound
    assert after["objective"] == pytest.approx(-after["elbo_grey"], rel=0.01)  # the training loss, with other noise
    assert after["pixel_entropy"] < after["bce"] < -after["elbo_grey"]
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


def test_images_in_colour_have_no_likelihood(run_of):
    images = torch.rand(4, 3, 32, 32)
    network = Reconstruction(run_of("vae", SMALL, dataset="cifar10"), UNIT, torch.device("cpu")).networks["autoencoder"]
    data = type("Data", (), {"ordered": lambda self: [type("B", (), {"images": images})]})()
    assert set(variational.measure(network, data)) == {"kl", "elbo_grey", "active_units"}


def test_the_likelihood_is_that_of_binary_images(task_of, data):
    """Against the sum over a dense grid of codes: with two numbers, p(x) can be integrated."""
    network = task_of().networks["autoencoder"].double().eval()
    with torch.no_grad():
        for layer in network.decoder.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight.mul_(3)  # so that the image depends on the code
    grey = next(data.ordered(6)).images.double()
    binary = variational.binarise(grey, torch.Generator().manual_seed(1))
    axis = torch.linspace(-6, 6, 121, dtype=torch.float64)
    codes = torch.cartesian_prod(axis, axis)
    prior = Normal(0.0, 1.0).log_prob(codes).sum(1)
    with torch.no_grad():
        pixels = Bernoulli(logits=network.decode(codes).flatten(1))
        joint = torch.stack([pixels.log_prob(image.flatten()).sum(1) + prior for image in binary])
        truth = -(joint.logsumexp(1) + 2 * (axis[1] - axis[0]).log())
        torch.manual_seed(0)
        estimate = latent.importance_nll(variational.weights(network, binary, 20_000))
    torch.testing.assert_close(estimate, truth, rtol=0, atol=0.05)


def test_all_models_are_measured_on_the_same_binary_images(task_of, data, monkeypatch):
    task, seen = task_of(), []
    monkeypatch.setattr(latent, "MANY", 128)
    original = variational.weights

    def watched(network, images, count):
        seen.append((images, count))
        return original(network, images, count)

    monkeypatch.setattr(variational, "weights", watched)
    for seed in (0, 1):
        torch.manual_seed(seed)
        variational.measure(task.vae, data)
    (first, few), (subset, many), (again, _), _ = seen
    assert (few, many) == (64, 128)
    assert torch.equal(first, again) and set(first.unique().tolist()) == {0, 1}
    assert len(subset) == latent.SUBSET and all((first == image).flatten(1).all(1).any() for image in subset)
    grey = next(data.ordered()).images
    assert first[grey == 0].max() == 0 and first[grey == 1].min() == 1
    between = (grey > 0.4) & (grey < 0.6)
    assert first[between].mean().item() == pytest.approx(grey[between].mean().item(), abs=0.05)


def test_the_many_samples_are_the_few_less_their_gain(task_of, data, monkeypatch):
    """If the subset has all images, this is the estimate from many samples itself, up to noise of the few."""
    task = task_of()
    monkeypatch.setattr(latent, "SUBSET", len(data))
    monkeypatch.setattr(latent, "MANY", 640)
    with task.frozen():
        few, many = variational.measure_likelihood(task.vae, data)
        binary = variational.binarise(next(data.ordered()).images, torch.Generator().manual_seed(0))
        truth = latent.importance_nll(variational.weights(task.vae, binary, 640)).mean().item()
    assert many == pytest.approx(truth, abs=0.05)
    assert many < few


def test_no_reconstruction_has_a_bce_below_the_entropy_of_the_pixels(data):
    images = next(data.ordered()).images
    entropy = pixel_entropy(images)
    torch.testing.assert_close(entropy, Bernoulli(images).entropy().flatten(1).sum(1))
    torch.testing.assert_close(entropy, bce(images, images.clamp(1e-7, 1 - 1e-7).logit()), rtol=1e-3, atol=1e-3)
    assert pixel_entropy(images.round()).max() == 0
