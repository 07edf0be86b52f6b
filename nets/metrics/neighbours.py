"""Which generated images lie among real ones, and the reverse, by nearest neighbours of features.

Computed on the features' device, in float64, because distances subtract nearly equal numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nets.metrics.metric import SHARES, Metric, Table, at_least

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 1000  # of a distance matrix, computed at a time


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances (N, M) between features (N, D) and (M, D)."""
    import torch

    return torch.cdist(first, second, compute_mode="use_mm_for_euclid_dist")


def radii(features: Tensor, k: int) -> Tensor:
    """The distance (N,) from each feature (N, D) to its k-th nearest neighbour among the others."""
    import torch

    reach = []
    for start in range(0, len(features), ROWS):
        part = distances(features[start : start + ROWS], features)
        part.diagonal(start).fill_(torch.inf)  # itself
        reach.append(part.topk(k, dim=1, largest=False).values[:, -1])  # kthvalue is not deterministic on GPUs
    return torch.cat(reach)


def precision(real: Tensor, generated: Tensor, k: int = 3) -> float:
    """Fidelity: the share of generated features (M, D) that lie near real ones (N, D).

    Near means within the ball around a real feature that reaches to its k-th nearest real neighbour.

    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019.
    """
    real, generated = real.double(), generated.double()
    return share_within(generated, real, radii(real, k))


def recall(real: Tensor, generated: Tensor, k: int = 3) -> float:
    """Variety: the share of real features (N, D) within such balls around generated ones (M, D)."""
    return precision(generated, real, k)


def share_within(points: Tensor, centres: Tensor, reach: Tensor) -> float:
    """The share of points (N, D) that lie in at least one ball around centres (M, D) with radii (M,)."""
    import torch

    inside = [(distances(part, centres) <= reach).any(dim=1) for part in points.split(ROWS)]
    return torch.cat(inside).double().mean().item()


def density(real: Tensor, generated: Tensor, k: int = 5) -> float:
    """The mean number of balls around real features (N, D) that hold a generated one (M, D), over k; may exceed 1.

    Counting makes it less sensitive to outliers than precision.
    Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020.
    """
    real, generated = real.double(), generated.double()
    reach, held = radii(real, k), 0
    for part in generated.split(ROWS):
        held += int((distances(part, real) < reach).sum())
    return held / (k * len(generated))


def coverage(real: Tensor, generated: Tensor, k: int = 5) -> float:
    """The share of the balls around real features (N, D) that hold a generated one (M, D); Naeem et al. 2020."""
    import torch

    real, generated = real.double(), generated.double()
    reach = radii(real, k)
    closest = torch.full_like(reach, torch.inf)
    for part in generated.split(ROWS):
        closest = torch.minimum(closest, distances(part, real).min(dim=0).values)
    return (closest < reach).double().mean().item()


METRICS = Table({  # from features (N, D) of real images and (M, D) of generated ones
    "precision": Metric("Precision", "", 3, "higher", "Share of generated images that lie among real ones: are they "
                        "plausible?", precision, at_least(4), (0, 1), SHARES),
    "recall": Metric("Recall", "", 3, "higher", "Share of real images that lie among generated ones: is the full "
                     "variety covered?", recall, at_least(4), (0, 1), SHARES),
    "density": Metric("Density", "", 3, "higher", "Like precision, but counts how many real neighbourhoods contain "
                      "each generated image. Real images score about 1.", density, at_least(6), tolerance=SHARES),
    "coverage": Metric("Coverage", "", 3, "higher", "Like recall, but the share of real images with a generated one "
                       "in their neighbourhood.", coverage, at_least(6), (0, 1), SHARES),
})  # fmt: skip
COPIES = Table({  # of samples and training images themselves: see `nets.fidelity.copies`
    "copies": Metric("Copies", "%", 1, "lower", "Share of generated images that are nearer to one training image than "
                     "to the next ten, and more clearly than 99 % of held-out real images are. New images score about "
                     "1 %. It compares pixels, or features where a column says so. It finds training images that are "
                     "moved by a pixel, brightened, darkened, lightly blurred or noisy; few that are turned or "
                     "enlarged, and none that are mirrored, cut into parts, or redrawn by an autoencoder.", None),
})  # fmt: skip
