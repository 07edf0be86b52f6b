"""Metrics of segmentations: counts that add up over a whole split, and pure functions of these counts.

Masks are (N, H, W) int64. A pixel whose true class is negative is void and never counts. All metrics are in percent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nets.metrics.metric import ByClass, Metric, Table

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 0.0075  # as a share of the image's diagonal (Csurka et al. 2013, section 4)


def confusion_matrix(predicted: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Pixel counts (K, K) int64: rows are true classes, columns predicted ones."""
    import torch

    counted = truth >= 0
    pairs = truth[counted] * num_classes + predicted[counted]
    return torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)


def class_iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class (K,) float64; NaN if the class is neither true nor predicted anywhere."""
    hits, truth, predicted = _counts(confusion)
    return 100 * hits / (truth + predicted - hits)


def mean_iou(confusion: Tensor) -> float:
    """Mean of `class_iou` over the classes that occur (Long et al. 2015, section 5)."""
    return class_iou(confusion).nanmean().item()


def dice(confusion: Tensor) -> float:
    """Mean over the classes that occur of 2 |A and B| / (|A| + |B|), also called F1."""
    hits, truth, predicted = _counts(confusion)
    return (200 * hits / (truth + predicted)).nanmean().item()


def pixel_accuracy(confusion: Tensor) -> float:
    """Share of pixels with the correct class."""
    return (100 * confusion.trace() / confusion.sum()).item()


def _counts(confusion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each class (K,): the numbers of correct, of true and of predicted pixels."""
    confusion = confusion.double()
    return confusion.diagonal(), confusion.sum(1), confusion.sum(0)


def tolerance(height: int, width: int) -> int:
    """By how many pixels a boundary may be off: 0.75 % of the diagonal, but at least one."""
    return max(1, round(TOLERANCE * (height**2 + width**2) ** 0.5))


def boundary_counts(predicted: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Boundary pixels (K, 4) int64 of each class: predicted; predicted and near a true one; true; true and near a
    predicted one.

    A boundary pixel has a neighbour of another class beside, above or below it; void makes no boundary. Near means at
    most `tolerance` pixels away along either axis.
    """
    import torch
    import torch.nn.functional as F

    reach = tolerance(*truth.shape[1:])
    predicted = predicted.where(truth >= 0, -1)
    guessed, true = (_boundaries(masks, num_classes) for masks in (predicted, truth))
    around = [F.max_pool2d(edges, 2 * reach + 1, stride=1, padding=reach) for edges in (true, guessed)]
    counts = (guessed, guessed * around[0], true, true * around[1])
    return torch.stack([edges.sum((0, 2, 3), dtype=torch.float64) for edges in counts], dim=1).long()


def boundary_f1(counts: Tensor) -> float:
    """Harmonic mean of precision and recall of boundary pixels; the mean over the classes that have a boundary."""
    guessed, right, true, reached = counts.double().unbind(1)
    precision, recall = right / guessed.clamp(min=1), reached / true.clamp(min=1)
    f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-12)
    return 100 * f1[guessed + true > 0].mean().item()


def _boundaries(masks: Tensor, num_classes: int) -> Tensor:
    """The boundary pixels of each class (N, K, H, W), 1 or 0."""
    import torch

    edges = torch.zeros_like(masks, dtype=torch.bool)
    for axis in (1, 2):
        length = masks.shape[axis] - 1
        before, after = masks.narrow(axis, 0, length), masks.narrow(axis, 1, length)
        differ = (before != after) & (before >= 0) & (after >= 0)
        edges.narrow(axis, 0, length).logical_or_(differ)
        edges.narrow(axis, 1, length).logical_or_(differ)
    classes = torch.arange(num_classes, device=masks.device).view(1, -1, 1, 1)
    return ((masks[:, None] == classes) & edges[:, None]).float()


METRICS = Table({  # of a confusion matrix (K, K) and boundary counts (K, 4)
    "miou": Metric("Mean IoU", "%", 2, "higher", "Intersection over union: the pixels that truth and prediction both "
                   "give to a class, divided by those that either gives to it, over all test images; the mean over "
                   "classes.", lambda confusion, _: mean_iou(confusion)),
    "dice": Metric("Dice", "%", 2, "higher", "Twice the pixels that truth and prediction share, divided by the sum of "
                   "both; the mean over classes. Kinder than IoU to partial hits.",
                   lambda confusion, _: dice(confusion)),
    "pixel_accuracy": Metric("Pixel accuracy", "%", 2, "higher", "Share of pixels with the right class. High whenever "
                             "one class, such as the ground, fills most of the image.",
                             lambda confusion, _: pixel_accuracy(confusion)),
    "boundary_f1": Metric("Boundary F1", "%", 2, "higher", "How well outlines agree: the harmonic mean of two shares, "
                          "predicted boundary pixels near a true one and true ones near a predicted one; the mean over "
                          "classes. Near means within 0.75 % of the image's diagonal, but at least one pixel, along "
                          "either axis.", lambda _, boundaries: boundary_f1(boundaries)),
})  # fmt: skip
BY_CLASS = ByClass({  # of a confusion matrix (K, K)
    "class_iou": Metric("IoU", "%", 2, "higher", "Intersection over union of the pixels of a class.", class_iou),
})  # fmt: skip
