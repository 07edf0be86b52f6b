"""Which generated images lie among the real ones, and which real ones are reached: nearest neighbours of features.

Computed where the features lie, in float64: distances subtract what is nearly equal.
"""

import torch
from torch import Tensor

ROWS = 1000  # of a matrix of distances at a time


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances (N, M) of features (N, D) and (M, D)."""
    return torch.cdist(first, second, compute_mode="use_mm_for_euclid_dist")


def radii(features: Tensor, k: int) -> Tensor:
    """The distance (N,) from each of the features (N, D) to its k-th nearest neighbour among the others."""
    found = []
    for start in range(0, len(features), ROWS):
        part = distances(features[start : start + ROWS], features)
        part.diagonal(start).fill_(torch.inf)  # itself
        found.append(part.topk(k, dim=1, largest=False).values[:, -1])  # kthvalue is not deterministic on GPUs
    return torch.cat(found)


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> dict[str, float]:
    """How much of one set lies where the other one is, by balls that reach to the k-th neighbour.

    `precision`: generated within real (fidelity); `recall`: real within generated (variety).
    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019.
    """
    real_set, generated_set = real.double(), generated.double()
    return {
        "precision": share_within(generated_set, real_set, radii(real_set, k)),
        "recall": share_within(real_set, generated_set, radii(generated_set, k)),
    }


def share_within(points: Tensor, centres: Tensor, reach: Tensor) -> float:
    """The share of points (N, D) that lie in at least one ball around centres (M, D) with radii (M,)."""
    inside = [(distances(part, centres) <= reach).any(dim=1) for part in points.split(ROWS)]
    return torch.cat(inside).double().mean().item()


def density_coverage(real: Tensor, generated: Tensor, k: int = 5) -> dict[str, float]:
    """The same question, less moved by outliers: around real images alone, and counting.

    `density`: real balls around a generated image, as a multiple of k; may exceed 1. `coverage`: share of real balls
    that hold a generated image.
    Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020.
    """
    real_set, generated_set = real.double(), generated.double()
    reach, held = radii(real_set, k), 0
    nearest = torch.full_like(reach, torch.inf)
    for part in generated_set.split(ROWS):
        apart = distances(part, real_set)
        held += (apart < reach).sum().item()
        nearest = torch.minimum(nearest, apart.min(dim=0).values)
    return {"density": held / (k * len(generated_set)), "coverage": (nearest < reach).double().mean().item()}


def nearest(queries: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """For each of the queries (N, D) the distance (N,) to the nearest of the known (M, D), and its number (N,).

    On the device of the queries, in float32: these may be all pixels of all training images.
    """
    wanted = queries.float()
    best = torch.full((len(wanted),), torch.inf, device=wanted.device)
    index = torch.zeros(len(wanted), dtype=torch.int64, device=wanted.device)
    for start in range(0, len(known), ROWS):
        found = distances(wanted, known[start : start + ROWS].to(wanted.device).float()).min(dim=1)
        closer = found.values < best
        best, index = torch.where(closer, found.values, best), torch.where(closer, found.indices + start, index)
    return best, index
