"""Metrics of VAE codes: pure functions of a diagonal Gaussian posterior q(z | x), with a standard normal prior."""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi
from typing import TYPE_CHECKING, NamedTuple

from nets.metrics.metric import Metric, Table

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 64  # of the posterior, for the importance-sampled likelihood


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q || prior) of each image (N,), in nats; Kingma and Welling 2014, appendix B."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(z; mean, exp(log_variance)) (N,) for vectors (N, L)."""
    return -((z - mean).square() / log_variance.exp() + log_variance + log(2 * pi)).sum(1) / 2


def importance_nll(
    log_likelihood: Callable[[Tensor], Tensor], mean: Tensor, log_variance: Tensor, count: int
) -> Tensor:
    """-log p(x) of each image (N,), in nats, estimated from `count` samples of q; Burda et al. 2016, equation 8.

    `log_likelihood` maps codes (N, L) to log p(x | z) (N,). The estimate is above the truth on average, and approaches
    it as `count` grows.
    """
    import torch

    zeros = torch.zeros_like(mean)
    log_weights = []
    for _ in range(count):
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        ratio = gaussian_log_density(z, zeros, zeros) - gaussian_log_density(z, mean, log_variance)
        log_weights.append(log_likelihood(z) + ratio)
    return log(count) - torch.stack(log_weights).logsumexp(0)


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """How many of a code's L numbers depend on the image: those whose posterior means (N, L) have a variance over the
    images above `threshold` (Burda et al. 2016, section 5.2).
    """
    return int((means.double().var(0) > threshold).sum())


class Rates(NamedTuple):
    """What a VAE measures on a split: means over images in nats, posterior means, and the shape of an image."""

    kl: float
    elbo: float
    nll: float  # from `SAMPLES` importance samples
    means: Tensor  # of the posteriors (N, L)
    shape: tuple[int, int, int]  # channels, height, width


def bits_per_dimension(rates: Rates) -> float | None:
    """The negative log-likelihood in bits per pixel; None for colour images, since papers binarise grey ones only."""
    channels, height, width = rates.shape
    return rates.nll / (height * width * log(2)) if channels == 1 else None


METRICS = Table({  # of `Rates`
    "kl": Metric("KL", "nats", 2, "none", "Rate of a VAE: how far the code's distribution, given an image, is from "
                 "the prior. It measures what the code says about its image.", lambda rates: rates.kl),
    "elbo": Metric("ELBO", "nats", 2, "higher", "Evidence lower bound of a VAE: minus BCE (with one sampled code) "
                   "minus KL. It is at most the log-probability of the image under the model.",
                   lambda rates: rates.elbo),
    f"nll_is{SAMPLES}": Metric(f"NLL, {SAMPLES} samples", "nats", 2, "lower", "Negative log-likelihood of an image "
                               f"under a VAE, estimated with {SAMPLES} importance samples of its code. It lies "
                               "between the true value and minus ELBO, and falls with more samples.",
                               lambda rates: rates.nll),
    "bpd": Metric("NLL", "bits/dim", 4, "lower", "The same negative log-likelihood in bits per pixel. It compares with "
                  "papers on binary images, not on 256 levels of grey. Images in colour have none.",
                  bits_per_dimension),
    "active_units": Metric("Active units", "", 0, "none", "How many numbers of a VAE's code vary with the image "
                           "(variance of the mean above 0.01); the others have collapsed to the prior.",
                           lambda rates: float(active_units(rates.means))),
})  # fmt: skip
