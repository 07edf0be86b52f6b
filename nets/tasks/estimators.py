"""Two estimates of the gradient that a VAE's encoder learns from, and how far they vary."""

from collections.abc import Callable

import torch
from torch import Tensor

SAMPLES = 100  # of each image's posterior


def estimates(
    distortion: Callable[[Tensor], Tensor], mean: Tensor, log_variance: Tensor, noise: Tensor
) -> dict[str, Tensor]:
    """Estimates (S, N, 2 L) of the gradient of the expected distortion by mean and log variance (N, L), one a sample.

    `distortion` maps codes (S, N, L) to numbers (S, N); `noise` (S, N, L) is standard normal. The reparametrised one
    differentiates through the code (Kingma and Welling 2014, section 2.4). The score function multiplies the distortion
    with the gradient of the code's log-probability (Williams 1992); the baseline is the mean of the other samples.
    """
    deviation = (log_variance / 2).exp()
    codes = (mean + deviation * noise).detach().requires_grad_()
    values = distortion(codes)
    (slope,) = torch.autograd.grad(values.sum(), codes)
    values = values.detach()[..., None]
    score = torch.cat([noise / deviation, (noise.square() - 1) / 2], dim=-1)
    others = (values.sum(0) - values) / (len(values) - 1)
    return {
        "": torch.cat([slope, slope * deviation * noise / 2], dim=-1),
        "_score": values * score,
        "_baseline": (values - others) * score,
    }


def variances(found: dict[str, Tensor]) -> dict[str, float]:
    """The variance of each estimate (S, N, 2 L) over samples, summed over the code: the mean over images."""
    return {
        f"gradient_variance{name}": gradients.double().var(0).sum(-1).mean().item() for name, gradients in found.items()
    }
