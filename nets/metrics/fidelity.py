"""Distances of generated from real images, in the features of an extractor; torch-fidelity does the arithmetic."""

from typing import Any

import numpy as np

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000
ENOUGH = 10_000  # fewer images on either side make FID biased enough to be called indicative (Bińkowski et al. 2018)


def fid(real: np.ndarray, generated: np.ndarray) -> float:
    """Fréchet distance of features (N, D) and (M, D) taken as Gaussians (Heusel et al. 2017)."""
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    return float(
        fid_statistics_to_metric(statistics(real), statistics(generated), verbose=False)["frechet_inception_distance"]
    )


def statistics(features: np.ndarray) -> dict[str, np.ndarray]:
    """Mean (D,) and covariance (D, D) in float64."""
    features = features.astype(np.float64)
    return {"mu": features.mean(axis=0), "sigma": np.atleast_2d(np.cov(features, rowvar=False))}


def kid(real: np.ndarray, generated: np.ndarray, seed: int = 0) -> float:
    """Kernel distance: unbiased MMD² with the cubic kernel, mean over random subsets (Bińkowski et al. 2018)."""
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric

    size = min(KID_SUBSET_SIZE, len(real), len(generated))
    result = kid_features_to_metric(
        torch.from_numpy(real).double(),  # in float32 the sums lose the sixth digit
        torch.from_numpy(generated).double(),
        kid_subsets=KID_SUBSETS,
        kid_subset_size=size,
        rng_seed=seed,
        verbose=False,
    )
    return float(result["kernel_inception_distance_mean"])


def indicative(reference: int, samples: int) -> bool:
    """Whether the sets are too small for numbers that compare with the literature."""
    return min(reference, samples) < ENOUGH


def passport(extractor: dict[str, Any], reference: dict[str, Any], sampling: dict[str, Any]) -> dict[str, Any]:
    """What two fidelity numbers must share to be comparable, and whether they are only indicative."""
    return {
        "extractor": extractor,
        "reference": reference,
        **sampling,
        "indicative": indicative(reference["count"], sampling["samples"]),
    }
