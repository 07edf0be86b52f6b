"""Metrics of latent codes agree with torch.distributions and with a model whose likelihood is known."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch.distributions import Independent, Normal, kl_divergence

from nets.metrics import latent


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def gaussians():
    return torch.randn(50, 3, dtype=torch.float64), torch.randn(50, 3, dtype=torch.float64)


def test_kl_is_torchs(gaussians):
    mean, log_variance = gaussians
    posterior, prior = Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros_like(mean), 1.0)
    torch.testing.assert_close(latent.gaussian_kl(mean, log_variance), kl_divergence(posterior, prior).sum(1))


def test_kl_of_the_prior_is_zero():
    assert latent.gaussian_kl(torch.zeros(4, 2), torch.zeros(4, 2)).tolist() == [0] * 4


def test_log_density_is_torchs(gaussians):
    mean, log_variance = gaussians
    z = torch.randn_like(mean)
    expected = Independent(Normal(mean, (log_variance / 2).exp()), 1).log_prob(z)
    torch.testing.assert_close(latent.gaussian_log_density(z, mean, log_variance), expected)


@pytest.fixture
def linear_model():
    """x = W z + b + noise, z standard normal: x is Gaussian, and so is z given x (Bishop 2006, section 12.2)."""
    weight, offset, noise = torch.randn(6, 2).double(), torch.randn(6).double(), 0.5
    x = torch.randn(20, 2).double() @ weight.T + offset + noise * torch.randn(20, 6).double()
    truth = multivariate_normal(offset.numpy(), (weight @ weight.T + noise**2 * torch.eye(6)).numpy())

    def log_likelihood(z):
        return Normal(z @ weight.T + offset, noise).log_prob(x).sum(-1)

    covariance = torch.linalg.inv(torch.eye(2) + weight.T @ weight / noise**2)
    mean = (x - offset) @ weight @ covariance / noise**2
    return log_likelihood, mean, covariance, torch.from_numpy(-truth.logpdf(x.numpy()))


def test_noise_to_measure_with_comes_from_the_cpu_for_every_device():
    device = torch.device("meta")
    torch.manual_seed(3)
    noise = latent.noise_like(torch.zeros(5, 2), 4)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(noise, torch.randn(4, 5, 2))
    torch.manual_seed(3)
    mean = torch.zeros(5, 2, device=device)
    weights = latent.importance_weights(lambda z: z.sum(-1), mean, mean, 4)
    assert weights.device == device and torch.equal(torch.rand(1), after)


def test_importance_sampling_finds_the_likelihood_of_a_linear_model(linear_model):
    log_likelihood, mean, covariance, truth = linear_model
    log_variance = (2 * covariance.diagonal()).log().expand(20, 2)  # too wide, and without the correlation
    few, many = (
        latent.importance_nll(latent.importance_weights(log_likelihood, mean, log_variance, count))
        for count in (1, 3000)
    )
    torch.testing.assert_close(many, truth, rtol=0, atol=0.15)
    assert few.mean() > many.mean()


def test_one_sample_of_the_true_posterior_is_enough():
    """p(x | z) = N(x; z, 1) in one dimension: z given x is N(x / 2, 1 / 2), and all weights are equal."""
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    weights = latent.importance_weights(
        lambda z: Normal(z, 1.0).log_prob(x).sum(-1), x / 2, torch.full_like(x, np.log(0.5)), count=3
    )
    torch.testing.assert_close(weights, weights[:1].expand(3, 9))
    estimate = latent.importance_nll(weights[:1])
    torch.testing.assert_close(estimate, -Normal(0.0, 2**0.5).log_prob(x).sum(1))


def test_active_units_are_those_whose_means_vary():
    means = torch.randn(500, 4) * torch.tensor([1.0, 0.2, 0.05, 0.0]) + 3
    assert latent.active_units(means) == 2


def test_codes_are_decoded_in_parts_whatever_the_count(linear_model, monkeypatch):
    log_likelihood, mean, covariance, _ = linear_model
    log_variance = covariance.diagonal().log().expand(20, 2)
    monkeypatch.setattr(latent, "CODES", 70)
    sizes = []
    weights = latent.importance_weights(
        lambda z: sizes.append(z.shape) or log_likelihood(z), mean, log_variance, count=8
    )
    assert weights.shape == (8, 20)
    assert sizes == [(3, 20, 2), (3, 20, 2), (2, 20, 2)]


def test_the_gain_is_what_more_samples_lower():
    """Against the definition, estimate by estimate."""
    weights = torch.randn(10, 5, dtype=torch.float64)
    few = [-np.log(np.exp(weights[i : i + 3].numpy()).mean(0)) for i in (0, 3, 6)]
    many = -np.log(np.exp(weights.numpy()).mean(0))
    np.testing.assert_allclose(latent.gain(weights, 3), np.mean(few, axis=0) - many)
