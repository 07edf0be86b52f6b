"""Metrics of classifiers: pure functions of logits and labels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nets.metrics.metric import STEEP, Accuracy, ByClass, Metric, Table

if TYPE_CHECKING:
    from torch import Tensor


def top_k(logits: Tensor, labels: Tensor, k: int) -> float:
    """Percentage of samples whose label is among the k largest logits (N, K)."""
    k = min(k, logits.shape[1])
    hits = logits.topk(k, dim=1).indices.eq(labels[:, None]).any(dim=1)
    return 100 * hits.double().mean().item()


def top_5(logits: Tensor, labels: Tensor) -> float | None:
    """`top_k` of five; None for five classes or fewer, where it would always be 100 %."""
    return top_k(logits, labels, 5) if logits.shape[1] > 5 else None


def class_recall(logits: Tensor, labels: Tensor) -> Tensor:
    """Percentage of each class's samples with the correct class (K,) float64; NaN for a class without samples."""
    return 100 * _recall(logits, labels)


def balanced_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Mean of `class_recall` over the classes that occur."""
    recall = _recall(logits, labels)
    return 100 * recall[recall.isfinite()].mean().item()


def _recall(logits: Tensor, labels: Tensor) -> Tensor:
    """`class_recall` as a share."""
    import torch

    classes = logits.shape[1]
    hits = logits.argmax(dim=1).eq(labels).double()
    return torch.bincount(labels, hits, minlength=classes) / torch.bincount(labels, minlength=classes).double()


def nll(logits: Tensor, labels: Tensor) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    import torch.nn.functional as F

    return F.cross_entropy(logits.double(), labels).item()


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy, over bins of equal width, in percent (Guo et al. 2017, eq. 3)."""
    import torch

    confidence, predicted = logits.double().softmax(dim=1).max(dim=1)
    correct = predicted.eq(labels).double()
    bin_of = (confidence * bins).ceil().sub(1).clamp(0, bins - 1).long()  # bins are open on the left
    gap = torch.zeros(bins, dtype=torch.float64).index_add_(0, bin_of, correct - confidence)
    return 100 * gap.abs().sum().item() / len(labels)


def confusion_matrix(predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Counts (K, K) int64: rows are true classes, columns predicted ones."""
    import torch

    return torch.bincount(labels * num_classes + predicted, minlength=num_classes**2).view(num_classes, num_classes)


METRICS = Table({  # of logits (N, K) and labels (N,)
    "top1": Accuracy("Top-1", "%", 2, "higher", "Share of images for which the most probable class is right.",
                     partial(top_k, k=1)),
    "top5": Accuracy("Top-5", "%", 2, "higher", "Share of images with the right class among the five most probable.",
                     top_5),
    "balanced": Metric("Balanced accuracy", "%", 2, "higher", "The share of right answers among the images of each "
                       "class; the mean over the classes. A rare class counts as much as a frequent one.",
                       balanced_accuracy),
    "nll": Metric("NLL", "nats", 4, "lower", "Negative log-likelihood: how surprised the network is by the truth, on "
                  "average. Confident mistakes cost most.", nll, tolerance=STEEP),
    "ece": Metric("ECE", "%", 2, "lower", "Expected calibration error: the gap between stated confidence and the share "
                  "of right answers. At 0, 80 % of the answers given with 80 % confidence are right.",
                  expected_calibration_error),
})  # fmt: skip
BY_CLASS = ByClass({  # of the same
    "class_recall": Accuracy("Recall", "%", 2, "higher", "The share of right answers among the images of a class.",
                             class_recall),
})  # fmt: skip
