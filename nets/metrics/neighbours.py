"""Which generated images lie among real ones, and the reverse, by nearest neighbours of features.

Computed on the features' device, in float64, because distances subtract nearly equal numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nets.metrics.metric import Metric, Table, at_least

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


def nearest(queries: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The distance (N,) from each query (N, D) to the nearest known feature (M, D), and the index (N,) of that one.

    On the queries' device and in float32, because the features may be all pixels of all training images.
    """
    import torch

    wanted = queries.float()
    best = torch.full((len(wanted),), torch.inf, device=wanted.device)
    index = torch.zeros(len(wanted), dtype=torch.int64, device=wanted.device)
    for start in range(0, len(known), ROWS):
        part = distances(wanted, known[start : start + ROWS].to(wanted.device).float()).min(dim=1)
        closer = part.values < best
        best, index = torch.where(closer, part.values, best), torch.where(closer, part.indices + start, index)
    return best, index


METRICS = Table({  # from features (N, D) of real images and (M, D) of generated ones
    "precision": Metric("Precision", "", 3, "higher", "Share of generated images that lie among real ones: are they "
                        "plausible?", precision, at_least(4)),
    "recall": Metric("Recall", "", 3, "higher", "Share of real images that lie among generated ones: is the full "
                     "variety covered?", recall, at_least(4)),
    "density": Metric("Density", "", 3, "higher", "Like precision, but counts how many real neighbourhoods contain "
                      "each generated image. Real images score about 1.", density, at_least(6)),
    "coverage": Metric("Coverage", "", 3, "higher", "Like recall, but the share of real images with a generated one "
                       "in their neighbourhood.", coverage, at_least(6)),
})  # fmt: skip
PIXELS = Table({  # of samples and training images themselves: see `nets.fidelity.measure.measure_copies`
    "copies": Metric("Near-copies", "%", 1, "lower", "Share of generated images that are nearer to a training image, "
                     "in pixels, than 99 % of held-out real images are. New real images score about 1 %.", None),
})  # fmt: skip
