"""Autoencoders and variational autoencoders: sizes, gradients, numbers of parameters, and what defines them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nets.models.autoencoder import Autoencoder, ConvAutoencoder, EncoderClassifier, LatentClassifier
from nets.models.vae import VAE, ConvVAE

NETWORKS = (Autoencoder, ConvAutoencoder, VAE, ConvVAE)
VARIATIONAL = (VAE, ConvVAE)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def squares(count, size):
    """Black images with a bright square at a random place, so that there is something to learn."""
    images = torch.zeros(count, 1, size, size)
    for image in images:
        top, left = torch.randint(0, size // 2, (2,)).tolist()
        image[:, top : top + size // 3, left : left + size // 3] = 1
    return images


@pytest.mark.parametrize("network_class", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 40, 64, 17])
def test_images_return_in_their_size_and_every_parameter_learns(network_class, size, channels):
    network = network_class(channels, size, latent_dim=5, widths=(8, 12, 16))
    images = torch.rand(3, channels, size, size)
    logits = network(images)
    assert logits.shape == images.shape
    assert logits.isfinite().all()
    F.binary_cross_entropy_with_logits(logits, images).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("network_class", NETWORKS)
def test_evaluation_treats_each_image_alone_and_always_alike(network_class):
    network = network_class().eval()
    images = torch.rand(4, 1, 28, 28)
    together = network(images)
    torch.testing.assert_close(network(images[2:3]), together[2:3])
    torch.testing.assert_close(network(images), together, rtol=0, atol=0)


@pytest.mark.parametrize("network_class", NETWORKS)
@pytest.mark.parametrize("latent_dim", [1, 2, 30])
def test_the_code_has_the_size_asked_for(network_class, latent_dim):
    network = network_class(latent_dim=latent_dim).eval()
    assert network.latent_dim == latent_dim
    images = torch.rand(3, 1, 28, 28)
    code = network.encode(images)
    if network_class in VARIATIONAL:
        code, log_variance = code
        assert log_variance.shape == (3, latent_dim)
    assert code.shape == (3, latent_dim)
    torch.testing.assert_close(network.decode(code), network(images))


@pytest.mark.parametrize("network_class", [ConvAutoencoder, ConvVAE])
def test_convolutional_ones_need_a_convolution(network_class):
    with pytest.raises(ValueError, match="at least one width"):
        network_class(widths=())


def dense(*sizes):
    return sum(before * after + after for before, after in zip(sizes[:-1], sizes[1:], strict=True))


def test_parameter_counts():
    assert parameters(Autoencoder()) == dense(784, 128, 64, 2) + dense(2, 64, 128, 784) == 218_514
    science = Autoencoder(latent_dim=30, widths=(1000, 500, 250))
    assert parameters(science) == dense(784, 1000, 500, 250, 30) + dense(30, 250, 500, 1000, 784)
    assert parameters(VAE()) == dense(784, 512, 64, 4) + dense(2, 64, 512, 784) == 870_676
    assert parameters(ConvAutoencoder()) == 318_369
    assert parameters(ConvVAE()) == 383_937
    assert parameters(LatentClassifier(2, 10)) == 30


def test_a_relu_on_the_code_leaves_the_first_quadrant():
    images = torch.rand(64, 1, 28, 28)
    torch.manual_seed(1)
    free = Autoencoder(latent_dim=16).encode(images)
    torch.manual_seed(1)
    rectified = Autoencoder(latent_dim=16, relu_code=True).encode(images)
    assert (free < 0).any()
    torch.testing.assert_close(rectified, free.relu())


def test_dense_layers_start_from_glorots_weights():
    """With PyTorch's own, 3 of 4 two-dimensional codes with a ReLU died within two epochs of MNIST."""
    for network in (Autoencoder(), VAE()):
        for module in network.modules():
            if isinstance(module, nn.Linear):
                bound = (6 / (module.in_features + module.out_features)) ** 0.5
                assert 0.9 * bound < module.weight.abs().max() <= bound
                assert not module.bias.any()


def test_without_hidden_layers_it_is_linear():
    network = Autoencoder(widths=(), latent_dim=3)
    a, b = torch.rand(2, 1, 1, 28, 28)
    torch.testing.assert_close(network((a + b) / 2), (network(a) + network(b)) / 2)
    assert len(list(network.modules())) < 10


@pytest.mark.parametrize("network_class", NETWORKS)
def test_one_batch_can_be_learned_by_heart(network_class):
    network = network_class(latent_dim=8, widths=(32, 32))
    images = squares(8, 28)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(network(images), images).backward()
        optimizer.step()
    error = F.mse_loss(network.eval()(images).sigmoid(), images).item()
    assert error < 0.1 * images.var().item()


@pytest.mark.parametrize("network_class", VARIATIONAL)
def test_a_variational_autoencoder_samples_in_training_alone(network_class):
    network = network_class()
    images = torch.rand(4, 1, 28, 28)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_reparametrised_samples_have_the_posteriors_moments_and_its_gradients():
    mean = torch.tensor([[1.0, -2.0]]).expand(20_000, 2).clone().requires_grad_()
    log_variance = torch.tensor([[0.25, 4.0]]).log().expand(20_000, 2).clone().requires_grad_()
    sample = VAE().reparametrize(mean, log_variance)
    torch.testing.assert_close(sample.mean(0), torch.tensor([1.0, -2.0]), rtol=0, atol=0.05)
    torch.testing.assert_close(sample.std(0), torch.tensor([0.5, 2.0]), rtol=0.03, atol=0)
    sample.sum().backward()
    assert (mean.grad == 1).all()  # d z / d mean
    torch.testing.assert_close(log_variance.grad, (sample - mean).detach() / 2)  # d z / d log variance


def test_the_latent_classifier_separates_what_is_separable():
    classifier = LatentClassifier(2, 3)
    centres = torch.tensor([[4.0, 0.0], [-4.0, 4.0], [-4.0, -4.0]])
    labels = torch.arange(3).repeat(20)
    codes = centres[labels] + torch.randn(60, 2)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=0.1)
    for _ in range(50):
        optimizer.zero_grad()
        F.cross_entropy(classifier(codes), labels).backward()
        optimizer.step()
    assert classifier(codes).argmax(1).eq(labels).float().mean() > 0.95


def test_a_classifier_has_the_encoder_of_the_autoencoder():
    sizes = {"in_channels": 3, "image_size": 32, "latent_dim": 6, "widths": (4, 8)}
    autoencoder, classifier = ConvAutoencoder(**sizes).eval(), EncoderClassifier(num_classes=7, **sizes).eval()
    classifier.encoder.load_state_dict(autoencoder.encoder.state_dict())
    images = torch.rand(5, 3, 32, 32)
    logits = classifier(images)
    torch.testing.assert_close(logits, classifier.head(F.relu(classifier.norm(autoencoder.encode(images)))))
    assert logits.shape == (5, 7)
