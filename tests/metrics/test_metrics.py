"""Metrics agree with hand computation and with scikit-learn and scikit-image."""

import numpy as np
import pytest
import scipy.linalg
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, recall_score, top_k_accuracy_score

from nets.fidelity import passport
from nets.metrics import classification, reconstruction
from nets.metrics import distances as fidelity
from nets.metrics.measurement import by_class


@pytest.fixture(scope="module")
def predictions():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (400,), generator=generator)
    return torch.randn(400, 10, generator=generator) + 2 * torch.eye(10)[labels], labels


@pytest.mark.parametrize("k", [1, 5])
def test_top_k(predictions, k):
    logits, labels = predictions
    assert classification.top_k(logits, labels, k) == pytest.approx(
        100 * top_k_accuracy_score(labels, logits.numpy(), k=k)
    )


def test_top_5_of_five_classes_or_fewer_is_no_column():
    logits, labels = torch.randn(9, 5), torch.arange(9) % 5
    assert classification.top_k(logits, labels, 5) == 100
    assert "top5" not in classification.METRICS.measure(logits, labels)
    assert "top5" in classification.METRICS.measure(torch.randn(9, 6), labels)


@pytest.mark.parametrize("classes", [2, 7])
def test_balanced_accuracy(classes):
    generator = torch.Generator().manual_seed(classes)
    labels = (torch.rand(500, generator=generator) ** 4 * (classes - 0.5)).long()  # rare and frequent classes
    logits = torch.randn(500, classes + 1, generator=generator) + torch.eye(classes + 1)[labels]
    theirs = 100 * balanced_accuracy_score(labels, logits[:, :-1].argmax(1))
    assert classification.balanced_accuracy(logits[:, :-1], labels) == pytest.approx(theirs)
    logits[:, -1] = -9.0  # a class without an image does not count
    assert classification.METRICS.measure(logits, labels)["balanced"] == pytest.approx(theirs)


def test_recall_by_class(predictions):
    logits, labels = predictions
    theirs = 100 * recall_score(labels, logits.argmax(1), average=None)
    np.testing.assert_allclose(classification.class_recall(logits, labels), theirs)
    absent = classification.class_recall(torch.cat([logits, logits.new_full((400, 2), -9)], 1), labels)
    np.testing.assert_allclose(absent, [*theirs, np.nan, np.nan])
    assert classification.balanced_accuracy(logits, labels) == pytest.approx(theirs.mean())
    assert by_class(classification.BY_CLASS.measure(logits, labels)) == {"class_recall": pytest.approx([*theirs])}


def test_the_most_frequent_class_for_all_is_as_good_as_chance():
    logits, labels = torch.tensor([[1.0, 0.0]]).repeat(200, 1), torch.tensor([0] * 190 + [1] * 10)
    measured = classification.METRICS.measure(logits, labels)
    assert (measured["top1"], measured["balanced"]) == (95, 50)


def test_nll(predictions):
    logits, labels = predictions
    assert classification.nll(logits, labels) == pytest.approx(log_loss(labels, logits.double().softmax(1).numpy()))


def test_confusion_matrix(predictions):
    logits, labels = predictions
    ours = classification.confusion_matrix(logits.argmax(1), labels, 10)
    assert (ours.numpy() == confusion_matrix(labels, logits.argmax(1))).all()


def test_calibration_error_by_hand():
    # 4 predictions at confidence 0.75 (2 are correct), 2 at 0.95 (both correct): (4 * 0.25 + 2 * 0.05) / 6
    odds = [3.0] * 4 + [19.0] * 2
    logits = torch.tensor([[0.0, np.log(value)] for value in odds])
    labels = torch.tensor([1, 1, 0, 0, 1, 1])
    assert classification.expected_calibration_error(logits, labels) == pytest.approx(100 * 1.1 / 6, rel=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_and_ssim_are_scikit_images(channels):
    generator = np.random.default_rng(0)
    images = generator.random((5, channels, 28, 28))
    others = np.clip(images + generator.normal(0, 0.1, images.shape), 0, 1)
    ours = reconstruction.ssim(torch.from_numpy(images), torch.from_numpy(others))
    peak = reconstruction.psnr(torch.from_numpy(images), torch.from_numpy(others))
    for index in range(5):
        # scikit-image pads by reflection but averages over windows inside the image only, as we do
        theirs = structural_similarity(
            images[index], others[index], channel_axis=0, data_range=1.0,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )  # fmt: skip
        assert ours[index].item() == pytest.approx(theirs, abs=1e-9)
        assert peak[index].item() == pytest.approx(peak_signal_noise_ratio(images[index], others[index], data_range=1))


def test_a_perfect_reconstruction():
    images = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    assert reconstruction.ssim(images, images).tolist() == pytest.approx([1, 1, 1])
    assert reconstruction.mse(images, images).tolist() == [0, 0, 0]
    assert reconstruction.psnr(images, images).isinf().all()


def test_mse_and_mae_are_of_each_image():
    images, others = torch.zeros(2, 1, 2, 2), torch.tensor([0.5, 1.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    assert reconstruction.mse(images, others).tolist() == [0.25, 1]
    assert reconstruction.mae(images, others).tolist() == [0.5, 1]


def test_squared_error_is_mse_times_pixels():
    images, others = torch.rand(2, 3, 3, 4, 4)
    expected = 48 * reconstruction.mse(images, others)
    torch.testing.assert_close(reconstruction.squared_error(images, others), expected)


def test_bce_of_a_perfect_reconstruction_is_the_entropy_of_grey_pixels():
    images = torch.tensor([[0.5, 0.5], [1.0, 0.0]]).view(2, 1, 1, 2)
    bce = reconstruction.bce(images, images.logit(eps=1e-7))
    assert bce.tolist() == pytest.approx([2 * np.log(2), 0], abs=1e-5)
    worse = reconstruction.bce(images, torch.full_like(images, 0.3))
    assert (worse > bce).all()


def test_fid_equals_scipys_matrix_root():
    generator = np.random.default_rng(1)
    real, generated = generator.normal(size=(500, 20)), generator.normal(0.3, 1.2, size=(400, 20))
    covariances = [np.cov(features, rowvar=False) for features in (real, generated)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    gap = real.mean(0) - generated.mean(0)
    expected = gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert fidelity.fid(torch.from_numpy(real), torch.from_numpy(generated)) == pytest.approx(expected, rel=1e-6)


def test_kid_is_zero_in_the_mean_for_one_distribution_and_positive_for_two(monkeypatch):
    monkeypatch.setattr(fidelity, "KID_SUBSETS", 10)
    generator = torch.Generator().manual_seed(2)
    real, same, other = (torch.randn(800, 16, generator=generator) + shift for shift in (0, 0, 0.5))
    assert abs(fidelity.kid(real, same)) < 0.01 < fidelity.kid(real, other)
    assert fidelity.kid(real, other) == fidelity.kid(real, other)


def test_few_images_are_indicative():
    assert passport.indicative(1000, 50_000)
    assert passport.indicative(10_000, 9_999)
    assert not passport.indicative(10_000, 50_000)
