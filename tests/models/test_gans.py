"""Generators, discriminators and critics: sizes, the papers' forms, and what each must not do."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nets.models import dcgan, gan, teaching, wgan

GENERATORS = (gan.Generator, dcgan.Generator, teaching.MnistGenerator, teaching.PolynomialGenerator)
DISCRIMINATORS = (
    gan.Discriminator,
    dcgan.Discriminator,
    wgan.Critic,
    teaching.MnistDiscriminator,
    teaching.PolynomialDiscriminator,
)
SIZES = (28, 32, 40, 64)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def assert_all_learn(network):
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("network_class", GENERATORS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_generators(network_class, size, channels):
    network = network_class(latent_dim=7, out_channels=channels, image_size=size, width=8)
    assert network.latent_dim == 7
    images = network(torch.randn(4, 7))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    (images * torch.randn_like(images)).sum().backward()
    assert_all_learn(network)


@pytest.mark.parametrize("network_class", DISCRIMINATORS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_discriminators(network_class, size, channels):
    network = network_class(in_channels=channels, image_size=size, num_classes=1, width=8)
    logits = network(torch.rand(6, channels, size, size) * 2 - 1)
    assert logits.shape == (6, 1)
    assert logits.isfinite().all()
    (logits * torch.randn_like(logits)).sum().backward()
    assert_all_learn(network)
    assert network_class(channels, size, num_classes=10, width=8)(torch.zeros(2, channels, size, size)).shape == (2, 10)


@pytest.mark.parametrize("network_class", GENERATORS)
def test_evaluation_of_generators_is_independent_of_the_batch(network_class):
    network = network_class(latent_dim=7, image_size=28, width=8)
    network(torch.randn(16, 7))  # gives batch normalisation its statistics
    network.eval()
    latents = torch.randn(4, 7)
    torch.testing.assert_close(network(latents[1:2]), network(latents)[1:2])


@pytest.mark.parametrize("network_class", DISCRIMINATORS)
def test_evaluation_of_discriminators_is_independent_of_the_batch(network_class):
    network = network_class(image_size=28, width=8)
    network(torch.randn(16, 1, 28, 28))
    network.eval()
    images = torch.randn(4, 1, 28, 28)
    torch.testing.assert_close(network(images[1:2]), network(images)[1:2])


def shapes(network, inputs, kind):
    """The output shapes of the modules of a kind, in order."""
    shapes = []
    for module in network.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    network(inputs)
    return shapes


def test_dcgan_is_the_papers():
    generator = dcgan.Generator(latent_dim=100, out_channels=3, image_size=64, width=64)
    assert shapes(generator, torch.randn(2, 100), (nn.Unflatten, nn.ConvTranspose2d)) == [
        (1024, 4, 4),
        (512, 8, 8),
        (256, 16, 16),
        (128, 32, 32),
        (3, 64, 64),
    ]
    discriminator = dcgan.Discriminator(3, 64)
    assert shapes(discriminator, torch.randn(2, 3, 64, 64), nn.Conv2d) == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
    ]
    kinds = {type(module).__name__ for network in (generator, discriminator) for module in network.modules()}
    assert not {kind for kind in kinds if "Pool" in kind}
    assert isinstance(generator.output[-1], nn.Tanh) and isinstance(discriminator.stages[1], nn.LeakyReLU)
    assert discriminator.stages[1].negative_slope == 0.2


def test_dcgan_normalises_all_but_the_generators_output_and_the_discriminators_input():
    generator, discriminator = dcgan.Generator(image_size=64), dcgan.Discriminator(image_size=64)
    assert [module.num_features for module in generator.modules() if isinstance(module, nn.BatchNorm2d)] == [
        1024,
        512,
        256,
        128,
    ]
    assert [module.num_features for module in discriminator.modules() if isinstance(module, nn.BatchNorm2d)] == [
        128,
        256,
        512,
    ]
    plain = dcgan.Discriminator(image_size=64, batch_norm=False)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in plain.modules())


@pytest.mark.parametrize("network", [dcgan.Generator(), dcgan.Discriminator(), wgan.Critic(image_size=32)])
def test_dcgan_starts_from_its_small_normal_weights(network):
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert module.bias is None or not module.bias.any()
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
            assert 0.01 < module.weight.std().item() < 0.03


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("size", SIZES)
def test_dcgan_doubles_and_halves_with_any_kernel(size, kernel):
    images = dcgan.Generator(image_size=size, width=4, kernel=kernel)(torch.randn(2, 100))
    assert images.shape == (2, 1, size, size)
    assert dcgan.Discriminator(image_size=size, width=4, kernel=kernel)(images).shape == (2, 1)


def test_parameter_counts():
    assert parameters(dcgan.Generator()) == 2_077_569
    assert parameters(dcgan.Discriminator()) == 212_993
    assert parameters(dcgan.Generator(100, 3, 64)) == 18_855_043
    assert parameters(dcgan.Discriminator(3, 64)) == 4_315_649
    # PyTorch's DCGAN example has 3,576,704 and 2,765,568: half the width, 4 x 4 kernels, no biases.
    assert parameters(dcgan.Generator(100, 3, 64, width=32, kernel=4)) == 3_576_704 + 3
    assert parameters(dcgan.Discriminator(3, 64, kernel=4)) == 2_765_568 + 64 + 1
    assert parameters(gan.Generator()) == 101 * 1200 + 1201 * 1200 + 1201 * 784
    assert parameters(gan.Discriminator()) == 785 * 1200 + 241 * 1200 + 241
    assert parameters(wgan.Critic()) == 212_993


def test_the_teaching_repositorys_own_counts():
    """Its notebook prints those of the polynomials as "trainable params"."""
    assert parameters(teaching.PolynomialGenerator()) == 273_344
    assert parameters(teaching.PolynomialDiscriminator()) == 102_209
    assert parameters(teaching.PolynomialDiscriminator(width=128)) == 6_236_673  # the critic of its WGAN
    maps = 7 * 7 * 256
    convolutions = 25 * (256 * 128 + 128 * 64 + 64)
    assert parameters(teaching.MnistGenerator()) == 100 * maps + 2 * maps + convolutions + 2 * (128 + 64)
    assert parameters(teaching.MnistDiscriminator()) == 25 * 64 + 64 + 25 * 64 * 128 + 128 + 7 * 7 * 128 + 1


def test_the_teaching_networks_pass_the_sizes_of_the_notebook():
    generator = teaching.PolynomialGenerator()
    kinds = (nn.Unflatten, nn.Upsample, nn.Conv2d)
    assert shapes(generator, torch.randn(2, 2), kinds) == [
        (128, 10, 10),
        (128, 20, 20),
        (128, 20, 20),
        (128, 40, 40),
        (64, 40, 40),
        (1, 40, 40),
    ]
    discriminator = teaching.PolynomialDiscriminator()
    assert shapes(discriminator, torch.randn(2, 1, 40, 40), (nn.Conv2d, nn.ZeroPad2d)) == [
        (16, 20, 20),
        (32, 10, 10),
        (32, 11, 11),
        (64, 6, 6),
        (128, 6, 6),
    ]


@pytest.mark.parametrize("network_class", [dcgan.Generator, dcgan.Discriminator, wgan.Critic])
def test_sizes_without_a_form_are_refused(network_class):
    with pytest.raises(ValueError, match="28, 32, 40 or 64 pixels, not of 30"):
        network_class(image_size=30)


@pytest.mark.parametrize("network_class", GENERATORS[2:] + DISCRIMINATORS[3:])
def test_the_teaching_networks_refuse_what_is_no_multiple_of_four(network_class):
    with pytest.raises(ValueError, match="multiples of 4 pixels, not 30"):
        network_class(image_size=30)


def influence_of_others(network):
    """How much the first image's score depends on the others, in training."""
    images = torch.randn(4, 1, 28, 28, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(images)[0].sum(), images)
    assert gradient[0].any()
    return gradient[1:].abs().max().item()


def test_only_batch_normalisation_mixes_the_images_of_a_batch():
    assert influence_of_others(dcgan.Discriminator(width=8)) > 0
    assert influence_of_others(dcgan.Discriminator(width=8, batch_norm=False)) == 0
    assert influence_of_others(wgan.Critic(width=8)) == 0
    assert influence_of_others(gan.Discriminator(width=8)) == 0


@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_gradient_penalty_reaches_the_critics_weights(layer_norm):
    critic = wgan.Critic(width=8, layer_norm=layer_norm)
    images = torch.randn(4, 1, 28, 28, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean().backward()
    for name, parameter in critic.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("network_class", DISCRIMINATORS)
def test_discriminators_tell_one_batch_from_another(network_class):
    network = network_class(image_size=28, width=16)
    images = torch.rand(32, 1, 28, 28) * 2 - 1
    real = torch.arange(32).remainder(2).float()[:, None]
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(100):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(network(images), real).backward()
        optimizer.step()
    assert (network.eval()(images) > 0).eq(real > 0).float().mean() > 0.9


@pytest.mark.parametrize("network_class", GENERATORS)
def test_generators_can_learn_one_batch_by_heart(network_class):
    network = network_class(latent_dim=16, image_size=28, width=16)
    latents = torch.randn(8, 16)
    images = F.interpolate(torch.rand(8, 1, 4, 4), 28).mul(2).sub(1) * 0.9
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        error = F.mse_loss(network(latents), images)
        error.backward()
        optimizer.step()
    assert error.item() < 0.15 * images.var().item()


def test_maxout_takes_the_largest_of_its_pieces():
    maxout = gan.Maxout(3, units=2, pieces=4)
    x = torch.randn(5, 3)
    pieces = x @ maxout.linear.weight.T + maxout.linear.bias
    expected = torch.stack([pieces[:, :4].max(1).values, pieces[:, 4:].max(1).values], dim=1)
    torch.testing.assert_close(maxout(x), expected)
