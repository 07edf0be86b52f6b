"""Metrics of latent codes with a diagonal Gaussian posterior q(z | x) and a standard normal prior: pure functions."""

from collections.abc import Callable
from math import log, pi

import torch
from torch import Tensor


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q || prior) of each image in nats (N,); Kingma and Welling 2014, appendix B."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(z; mean, exp(log_variance)) (N,) of vectors (N, L)."""
    return -((z - mean).square() / log_variance.exp() + log_variance + log(2 * pi)).sum(1) / 2


def importance_nll(
    log_likelihood: Callable[[Tensor], Tensor], mean: Tensor, log_variance: Tensor, count: int
) -> Tensor:
    """-log p(x) of each image in nats (N,), estimated by `count` samples of q; Burda et al. 2016, equation 8.

    `log_likelihood` gives log p(x | z) (N,) of codes (N, L). The estimate is above the truth, and falls to it as
    `count` grows.
    """
    zeros = torch.zeros_like(mean)
    log_weights = []
    for _ in range(count):
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        ratio = gaussian_log_density(z, zeros, zeros) - gaussian_log_density(z, mean, log_variance)
        log_weights.append(log_likelihood(z) + ratio)
    return log(count) - torch.stack(log_weights).logsumexp(0)


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """How many of the L numbers of a code say something of the image: those whose posterior means (N, L) vary over
    the images by more than `threshold` (Burda et al. 2016, section 5.2).
    """
    return int((means.double().var(0) > threshold).sum())
