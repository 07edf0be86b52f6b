"""What a classifier says about generated images: its certainty, their variety, and which classes they show."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from nets.metrics.metric import COUNTS, Metric, Table, at_least

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

IS_SPLITS = 10
MODE = 0.1  # of its share among real images, from which on a class counts as drawn


def inception_score(logits: Tensor) -> float:
    """exp of the mean divergence of each image's class distribution from that of all images (Salimans et al. 2016).

    The score is the mean over ten parts of the images.
    """
    from torch_fidelity.metric_isc import isc_features_to_metric

    return float(isc_features_to_metric(logits, splits=IS_SPLITS)["inception_score_mean"])


def shares(logits: Tensor) -> np.ndarray:
    """The share (K,) of images that a classifier assigns to each class, from logits (N, K)."""
    import numpy as np

    return np.bincount(logits.argmax(dim=1).cpu(), minlength=logits.shape[1]) / len(logits)


def total_variation(first: np.ndarray, second: np.ndarray) -> float:
    """Half the sum of absolute differences of two distributions (K,), in percent: the share to move between classes."""
    import numpy as np

    return float(50 * np.abs(np.asarray(first) - np.asarray(second)).sum())


def class_error(expected: np.ndarray, logits: Tensor) -> float:
    """Total variation in percent between expected class shares (K,) and those in logits (N, K)."""
    return total_variation(expected, shares(logits))


def modes(expected: np.ndarray, logits: Tensor) -> float:
    """How many classes have at least a tenth of their expected share (K,) in logits (N, K); absent ones don't count."""
    import numpy as np

    wanted = np.asarray(expected)
    return float(((shares(logits) >= MODE * wanted) & (wanted > 0)).sum())


SCORES = Table({  # of an extractor's logits (N, K) for generated images
    "is": Metric("IS", "", 2, "higher", "Inception Score: large if a classifier is sure about each image and sees "
                 "many classes overall; at most the number of classes. It never looks at real images.",
                 inception_score, at_least(IS_SPLITS), (1, inf)),
})  # fmt: skip
SHARES = Table({  # of the shares (K,) of real images' classes, and of logits (N, K) for generated images
    "class_tv": Metric("Class error", "%", 1, "lower", "Total variation between the class shares of generated and real "
                       "images, according to a classifier: the share that would have to change class.", class_error),
})  # fmt: skip
MODES = Table({  # of the same, where the option `measure` asks for them
    "modes": Metric("Classes drawn", "", 0, "higher", "How many classes have at least a tenth of their share of real "
                    "images among the generated ones, according to a classifier. After a mode collapse, few have.",
                    modes, tolerance=COUNTS),
})  # fmt: skip
