"""Distances between generated and real images, in the features of an extractor (a classifier that measures samples)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nets.metrics.metric import STEEP, Metric, Table, at_least

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution fitted to features (N, D): mean (D,) and covariance (D, D), float64."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, features: Tensor) -> Gaussian:
        """Fit to features (N, D), on their device."""
        import torch

        features = features.double()
        covariance = torch.atleast_2d(torch.cov(features.T))
        return cls(features.mean(dim=0).cpu().numpy(), covariance.cpu().numpy())


def fid(real: Tensor, generated: Tensor) -> float:
    """Fréchet distance between Gaussians fitted to features (N, D) and (M, D) (Heusel et al. 2017)."""
    return frechet(Gaussian.of(real), Gaussian.of(generated))


def frechet(first: Gaussian, second: Gaussian) -> float:
    """|m - m'|² + tr(C + C' - 2 (C C')^½), with the trace of the root from eigenvalues, as in torch-fidelity.

    Written out here because importing torch-fidelity takes seconds, and training runs may compute it too.
    """
    import numpy as np

    gap = first.mean - second.mean
    roots = np.sqrt(np.linalg.eigvals(first.covariance @ second.covariance).astype(complex)).real
    return float(gap @ gap + np.trace(first.covariance) + np.trace(second.covariance) - 2 * roots.sum())


def kid(real: Tensor, generated: Tensor) -> float:
    """Kernel distance: unbiased MMD² with the cubic kernel, mean over random subsets (Bińkowski et al. 2018).

    The subsets are those that torch-fidelity draws by default, with generated images as its first input.
    """
    from torch_fidelity.metric_kid import kid_features_to_metric

    size = min(KID_SUBSET_SIZE, len(real), len(generated))
    result = kid_features_to_metric(
        generated.double(),  # float32 sums would lose the sixth digit
        real.double(),
        kid_subsets=KID_SUBSETS,
        kid_subset_size=size,
        verbose=False,
    )
    return float(result["kernel_inception_distance_mean"])


METRICS = Table({  # of features (N, D) of real images and (M, D) of generated ones
    "fid": Metric("FID", "", 2, "lower", "Fréchet distance between the features of generated and real images, each set "
                  "modelled as a Gaussian. It falls with more samples, so only numbers with the same passport "
                  "compare.", fid, at_least(2), STEEP),
    "kid": Metric("KID", "", 5, "lower", "Kernel distance between the same features. It is unbiased even for small "
                  "sets, so it may be slightly below 0.", kid, at_least(2), STEEP),
})  # fmt: skip
