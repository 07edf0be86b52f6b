"""Segmentation metrics agree with scikit-learn and with hand computation, and are for the whole split."""

import numpy as np
import pytest
import torch
from sklearn import metrics as theirs

from nets.metrics import segmentation as ours

K = 5


@pytest.fixture(scope="module")
def masks():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(-1, K, (6, 20, 30), generator=generator)
    right = torch.rand(truth.shape, generator=generator) < 0.6
    predicted = torch.where(right & (truth >= 0), truth, torch.randint(0, K, truth.shape, generator=generator))
    return predicted, truth


def test_one_confusion_matrix_agrees_with_scikit_learn(masks):
    predicted, truth = masks
    confusion = ours.confusion_matrix(predicted, truth, K)
    flat = truth[truth >= 0].numpy(), predicted[truth >= 0].numpy()
    np.testing.assert_array_equal(confusion, theirs.confusion_matrix(*flat))
    np.testing.assert_allclose(ours.class_iou(confusion), 100 * theirs.jaccard_score(*flat, average=None))
    assert ours.mean_iou(confusion) == pytest.approx(100 * theirs.jaccard_score(*flat, average="macro"))
    assert ours.dice(confusion) == pytest.approx(100 * theirs.f1_score(*flat, average="macro"))
    assert ours.pixel_accuracy(confusion) == pytest.approx(100 * theirs.accuracy_score(*flat))


def test_counts_add_up_over_batches_where_means_do_not(masks):
    for count in (ours.confusion_matrix, ours.boundary_counts):
        whole = count(*masks, K)
        assert torch.equal(whole, count(*(m[:2] for m in masks), K) + count(*(m[2:] for m in masks), K))
    parts = [ours.mean_iou(ours.confusion_matrix(*(m[rows] for m in masks), K)) for rows in (slice(2), slice(2, 6))]
    assert ours.mean_iou(ours.confusion_matrix(*masks, K)) != pytest.approx(np.mean(parts), abs=1e-6)


def test_iou_by_hand():
    truth = torch.tensor([[[0, 0, 1, 1, -1]]])
    predicted = torch.tensor([[[0, 1, 1, 1, 3]]])
    confusion = ours.confusion_matrix(predicted, truth, 4)
    assert confusion.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [0] * 4, [0] * 4]
    iou = ours.class_iou(confusion)
    assert iou[:2].tolist() == pytest.approx([50, 200 / 3]) and iou[2:].isnan().all()
    assert ours.mean_iou(confusion) == pytest.approx((50 + 200 / 3) / 2)
    assert ours.dice(confusion) == pytest.approx((200 / 3 + 80) / 2)
    assert ours.pixel_accuracy(confusion) == 75


def square(left: int, size: int = 64) -> torch.Tensor:
    masks = torch.zeros(1, size, size, dtype=torch.int64)
    masks[:, 20:40, left : left + 20] = 1
    return masks


def test_the_tolerance_follows_the_diagonal():
    assert [ours.tolerance(*size) for size in ((28, 28), (64, 64), (180, 240), (512, 512))] == [1, 1, 2, 5]


def test_boundaries_within_the_tolerance_count():
    def f1(left: int) -> float:
        return ours.boundary_f1(ours.boundary_counts(square(left), square(20), 2))

    assert f1(20) == 100 and f1(21) == 100  # one pixel off
    assert 40 < f1(23) < f1(22) < 100  # the sides are off; above and below the square its edges still meet
    assert f1(44) == 0


def test_boundary_pixels_by_hand():
    counts = ours.boundary_counts(torch.zeros_like(square(20)), square(20), 2)
    assert counts.tolist() == [[0, 0, 80, 0], [0, 0, 76, 0]]  # outside, the corners do not touch
    assert ours.boundary_f1(counts) == 0


def test_void_is_no_boundary():
    truth = square(20)
    truth[:, :, 30:] = -1  # the square's right half and what is behind it
    truth[:, 15:45, 10:30] = 1
    truth[:, :, :10] = 1
    truth[truth == 0] = 1
    assert ours.boundary_counts(truth.clamp(min=1), truth, 2).sum() == 0
