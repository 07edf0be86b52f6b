"""Metrics of VAE codes: pure functions of a diagonal Gaussian posterior q(z | x), with a standard normal prior."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, pi
from typing import TYPE_CHECKING, NamedTuple

from nets.metrics.metric import COUNTS, Metric, Table

if TYPE_CHECKING:
    from torch import Tensor

FEW, MANY = 64, 5000  # samples of the posterior for the likelihood
SUBSET = 25  # images that `MANY` samples are drawn for
CODES = 500  # decoded at a time


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q || prior) of each image (N,), in nats; Kingma and Welling 2014, appendix B."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(z; mean, exp(log_variance)) (..., N) for vectors (..., N, L)."""
    return -((z - mean).square() / log_variance.exp() + log_variance + log(2 * pi)).sum(-1) / 2


def noise_like(values: Tensor, *size: int) -> Tensor:
    """Standard normal noise (*size, ...) of the shape, type and device of `values` (...), drawn on the CPU.

    So it is the same for the same seed on every device.
    """
    import torch

    return torch.randn((*size, *values.shape), dtype=values.dtype).to(values.device)


def drawn(mean: Tensor, log_variance: Tensor, *size: int) -> Tensor:
    """Codes (*size, N, L) of each posterior, to measure with: the same on every device; see `noise_like`."""
    return mean + (log_variance / 2).exp() * noise_like(mean, *size)


def importance_weights(
    log_likelihood: Callable[[Tensor], Tensor], mean: Tensor, log_variance: Tensor, count: int
) -> Tensor:
    """log p(x, z) / q(z | x) (count, N) for `count` samples z of each image's posterior, in nats.

    `log_likelihood` maps codes (S, N, L), S for each image, to log p(x | z) (S, N).
    """
    import torch

    zeros, parts = torch.zeros_like(mean), []
    at_once = max(1, CODES // len(mean))
    for start in range(0, count, at_once):
        z = drawn(mean, log_variance, min(at_once, count - start))
        ratio = gaussian_log_density(z, zeros, zeros) - gaussian_log_density(z, mean, log_variance)
        parts.append(log_likelihood(z) + ratio)
    return torch.cat(parts)


def importance_nll(log_weights: Tensor) -> Tensor:
    """-log p(x) of each image (N,), in nats, estimated from its weights (K, N); Burda et al. 2016, equation 8.

    The estimate is above the truth on average, and approaches it as K grows.
    """
    return log(len(log_weights)) - log_weights.logsumexp(0)


def gain(log_weights: Tensor, few: int) -> Tensor:
    """By how much the estimate of each image (N,) falls from `few` samples to all K of its weights (K, N), in nats.

    The weights are cut into as many groups of `few` as there are, whose estimates are averaged.
    """
    groups = log_weights[: len(log_weights) // few * few].unflatten(0, (-1, few))
    return log(few) - groups.logsumexp(1).mean(0) - importance_nll(log_weights)


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """How many of a code's L numbers depend on the image: those whose posterior means (N, L) have a variance over the
    images above `threshold` (Burda et al. 2016, section 5.2).
    """
    return int((means.double().var(0) > threshold).sum())


class Rates(NamedTuple):
    """What a VAE measures on a split: means over images in nats, and posterior means."""

    kl: float
    elbo: float  # of grey pixels
    nll_few: float | None  # of binarised images, from `FEW` samples; None for images in colour
    nll_many: float | None  # the same from `MANY`
    means: Tensor  # of the posteriors (N, L)


BINARISED = (
    "of an image under a VAE, each pixel drawn once as black or white with its grey as the probability of white, as in "
    "the literature on MNIST"
)
METRICS = Table({  # of `Rates`
    "kl": Metric("KL", "nats", 2, "none", "Rate of a VAE: how far the code's distribution, given an image, is from "
                 "the prior. It measures what the code says about its image.", lambda rates: rates.kl),
    "elbo_grey": Metric("ELBO, grey pixels", "nats", 2, "higher", "Minus BCE (with one sampled code) minus KL, which "
                        "VAEs are trained to raise. It is a bound on the log-probability of an image only if all "
                        "pixels are black or white. For grey pixels it can't rise above minus their entropy, and does "
                        "not compare with published values, which are of binarised images.",
                        lambda rates: rates.elbo, range=(-inf, 0)),
    f"nll_binarised_is{FEW}": Metric(f"NLL, binarised, {FEW} samples", "nats", 2, "lower", "Negative log-likelihood "
                                     f"{BINARISED}. Estimated with {FEW} importance samples of the code; it falls "
                                     "with more. Networks see grey images in training, those of the literature "
                                     "binarised ones. Images in colour have none.", lambda rates: rates.nll_few),
    f"nll_binarised_is{MANY}": Metric(f"NLL, binarised, {MANY:,} samples ({SUBSET} images)", "nats", 2, "lower",
                                      f"The same with {MANY:,} samples, the usual number in the literature: the value "
                                      f"for {FEW} samples on all images, minus what {MANY:,} gain on {SUBSET} of them.",
                                      lambda rates: rates.nll_many),
    "active_units": Metric("Active units", "", 0, "none", "How many numbers of a VAE's code vary with the image "
                           "(variance of the mean above 0.01); the others have collapsed to the prior.",
                           lambda rates: float(active_units(rates.means)), tolerance=COUNTS),
})  # fmt: skip
