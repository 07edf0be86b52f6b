"""Copies of training images are found although they were altered, and honest images are not taken for copies."""

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as edit
from scipy.spatial.distance import cdist

from nets.data.batches import images_of
from nets.fidelity import copies
from nets.fidelity.extractors import load_extractor

CPU = torch.device("cpu")


def edited(function):
    """A function of images in 0..1 as one of uint8."""
    return lambda images: (function(images.float() / 255).clamp(0, 1) * 255).round().to(torch.uint8)


def moved(down, right):
    """Moved by some pixels, with black where nothing was."""
    return lambda images: edit.affine(images, 0, [right, down], 1, [0, 0], fill=0)


ALTERED = {  # and the least percentage that is found, in pixels and in features of a weak classifier
    "as they are": (lambda images: images, 100, 100),
    "right": (moved(0, 1), 95, 90),
    "up": (moved(-1, 0), 95, 90),
    "left and down": (moved(1, -1), 95, 90),
    "brightened": (edited(lambda x: 1.2 * x), 95, 90),
    "with light added": (edited(lambda x: x + 0.1), 95, 90),
    "darkened": (edited(lambda x: 0.8 * x), 95, 90),
    "with another gamma": (edited(lambda x: x**0.7), 95, 90),
    "blurred a little": (edited(lambda x: edit.gaussian_blur(x, 5, 0.5)), 95, 90),
    "blurred": (edited(lambda x: edit.gaussian_blur(x, 7, 1.0)), 95, 90),
    "noisy": (edited(lambda x: x + 0.05 * torch.randn(x.shape)), 95, 70),
}  # fmt: skip


@pytest.fixture(scope="module", params=["pixels", "features"])
def search(request, digits, extractor_run):
    """The name of a view, and the functions that match images and count copies in it."""
    features = request.param == "features"
    view = copies.features(load_extractor(extractor_run, digits, CPU)) if features else copies.pixels
    known = copies.Known(images_of(digits, "train"), view, CPU)
    limit = known.match(images_of(digits, "validation")).limit
    return request.param, lambda images: known.match(images).share(limit)


@pytest.mark.parametrize("alteration", ALTERED)
def test_altered_training_images_are_found(search, digits, alteration):
    torch.manual_seed(0)
    name, share = search
    alter, *least = ALTERED[alteration]
    assert share(alter(images_of(digits, "train")[5::20])) >= least[name == "features"]


def test_honest_images_score_about_the_calibrated_rate(search, digits):
    _, share = search
    assert 0.2 <= share(images_of(digits, "test")) <= 3  # 1 %, with a limit from 500 images


def test_noise_and_averages_of_images_are_no_copies(search, digits):
    _, share = search
    train = images_of(digits, "train")
    averages = (train[:100].float() / 2 + train[100:200].float() / 2).to(torch.uint8)
    assert share(averages) < 20
    assert share(torch.randint(256, (100, 1, 28, 28), dtype=torch.uint8)) == 0
    assert share(torch.zeros(10, 1, 28, 28, dtype=torch.uint8)) == 0


def test_a_match_is_the_nearest_by_hand(monkeypatch):
    """Against SciPy, one alteration after the other."""
    monkeypatch.setattr(copies, "ROWS", 3)
    dice = np.random.default_rng(0)
    known, samples = (torch.from_numpy(dice.integers(0, 256, (n, 1, 6, 6), dtype=np.uint8)) for n in (30, 7))
    matches = copies.Known(known, copies.pixels, CPU).match(samples)

    mean = known.numpy().mean()
    contrast = np.mean([image.std(ddof=1) for image in known.numpy().astype(float)])

    def seen(images):
        return np.array([
            np.clip(np.round((i - i.mean()) / i.std(ddof=1) * contrast + mean), 0, 255).ravel() for i in images
        ])  # fmt: skip

    def window(image, row, column):
        return image[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].mean()

    plain = known[:, 0].numpy().astype(float)
    soft = np.array([[[np.round(window(i, r, c)) for c in range(6)] for r in range(6)] for i in plain])
    wide = np.pad(samples[:, 0].numpy().astype(float), ((0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = [wide[:, r : r + 6, c : c + 6] for r in range(3) for c in range(3)]
    apart = np.min([cdist(seen(s), seen(k)) for s in shifted for k in (plain, soft)], axis=0)
    ordered = np.sort(apart, axis=1)
    np.testing.assert_array_equal(matches.nearest, apart.argmin(axis=1))
    np.testing.assert_allclose(matches.ratio, ordered[:, 0] / ordered[:, 1:11].mean(axis=1), rtol=1e-3)


def test_the_limit_is_a_quantile_of_held_out_images():
    found, held_out = (copies.Matches(torch.zeros(n), torch.linspace(0, 1, n)) for n in (11, 101))
    assert held_out.limit == pytest.approx(0.01)
    assert held_out.share(0.015) == pytest.approx(100 * 2 / 101)
    assert found.share(0.15) == pytest.approx(100 * 2 / 11)
