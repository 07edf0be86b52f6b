"""Distances between generated and real images, in the features of an extractor (a classifier that measures samples)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nets.metrics.metric import ANY, STEEP, Metric, Table, at_least

if TYPE_CHECKING:
    from torch import Tensor

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution fitted to features (N, D): mean (D,) and covariance (D, D), float64 on their device."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Gaussian:
        """Fit to features (N, D), on their device."""
        import torch

        features = features.double()
        return cls(features.mean(dim=0), torch.atleast_2d(torch.cov(features.T)))


def fid(real: Tensor, generated: Tensor) -> float:
    """Fréchet distance between Gaussians fitted to features (N, D) and (M, D) (Heusel et al. 2017)."""
    return frechet(Gaussian.of(real), Gaussian.of(generated))


def frechet(first: Gaussian, second: Gaussian) -> float:
    """|m - m'|² + tr(C + C' - 2 (C C')^½), with the trace of the root from eigenvalues.

    On CPUs as in torch-fidelity, whose import takes seconds, and training runs may compute it too; on GPUs there.
    """
    import numpy as np

    gap = (first.mean - second.mean).cpu().numpy()
    traces = [np.trace(each.covariance.cpu().numpy()) for each in (first, second)]
    root_trace = symmetric_root_trace if first.covariance.device.type == "cuda" else product_root_trace
    return float(gap @ gap + traces[0] + traces[1] - 2 * root_trace(first.covariance, second.covariance))


def product_root_trace(first: Tensor, second: Tensor) -> float:
    """tr (C C')^½ of covariances (D, D), from the eigenvalues of the product, on the CPU."""
    import numpy as np

    return np.sqrt(np.linalg.eigvals(first.cpu().numpy() @ second.cpu().numpy()).astype(complex)).real.sum()


def symmetric_root_trace(first: Tensor, second: Tensor) -> float:
    """The same from C^½ C' C^½, which has the same eigenvalues and is symmetric; on the device."""
    import torch

    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum().item()


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
                  "compare.", fid, at_least(2), tolerance=STEEP),
    "kid": Metric("KID", "", 5, "lower", "Kernel distance between the same features. It is unbiased even for small "
                  "sets, so it may be slightly below 0.", kid, at_least(2), ANY, STEEP),
})  # fmt: skip
