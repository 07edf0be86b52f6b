"""What a classifier says of generated images: how sure and how varied, and which classes they are of."""

import numpy as np
from torch import Tensor

IS_SPLITS = 10


def inception_score(logits: Tensor) -> float:
    """exp of the mean divergence of an image's classes from those of all, over ten parts (Salimans et al. 2016)."""
    from torch_fidelity.metric_isc import isc_features_to_metric

    return float(isc_features_to_metric(logits, splits=IS_SPLITS)["inception_score_mean"])


def shares(logits: Tensor) -> np.ndarray:
    """The share (K,) of images that a classifier takes for each class, from logits (N, K)."""
    return np.bincount(logits.argmax(dim=1).cpu(), minlength=logits.shape[1]) / len(logits)


def total_variation(first: np.ndarray, second: np.ndarray) -> float:
    """Half the sum of differences of two distributions (K,), in percent: what would have to change class."""
    return float(50 * np.abs(np.asarray(first) - np.asarray(second)).sum())
