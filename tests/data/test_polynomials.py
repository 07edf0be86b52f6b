"""The generated polynomials: golden bits, and whether they match their definition."""

import numpy as np

from nets.data import polynomials
from nets.data.preparation import prepare

GOLDEN = "6b774b22d29fc81513e7dbec71c11eb415c3cb5d56b4e741b0bb227641fc1aad"


def test_golden_hash(catalogue):
    source = catalogue["polynomials"]["sources"][0]
    images, labels = polynomials.generate(source["count"], source["seed"])
    assert images.shape == (20_000, 1, 40, 40) and images.dtype == np.uint8
    assert polynomials.sha256(images) == GOLDEN == source["sha256"]
    assert source["version"] == polynomials.VERSION == 1, "a new golden hash needs a new version"
    np.testing.assert_array_equal(np.bincount(labels), [4000] * 5)


def test_every_image_spans_the_whole_range():
    images, _ = polynomials.generate(500, seed=1)
    assert (images.min(axis=(1, 2, 3)) == 0).all() and (images.max(axis=(1, 2, 3)) == 255).all()


def test_is_the_polynomial_of_its_coefficients():
    count, degrees, size = 50, 5, 40
    images, labels = polynomials.generate(count, seed=3)
    random = np.random.RandomState(3)
    assert (random.permutation(np.arange(count) % degrees) == labels).all()
    drawn = random.standard_normal((count, 21))
    axis = np.arange(size) / size
    for image, label, values in zip(images[:, 0], labels, drawn, strict=True):
        table = np.zeros((degrees + 1, degrees + 1))
        pairs = [(i, total - i) for total in range(degrees + 1) for i in range(total + 1)]
        for (i, j), value in zip(pairs, values, strict=True):
            table[i, j] = value * (i + j <= label + 1)
        surface = np.polynomial.polynomial.polygrid2d(axis, axis, table).T  # rows are y
        surface = (surface - surface.min()) / np.ptp(surface) * 255
        np.testing.assert_allclose(image, surface, atol=0.5 + 1e-6)


def test_degree_one_is_a_plane():
    images, labels = polynomials.generate(200, seed=2)
    planes = images[labels == 0, 0].astype(int)
    assert np.abs(np.diff(planes, 2, axis=1)).max() <= 2 and np.abs(np.diff(planes, 2, axis=2)).max() <= 2


def test_seed_decides_and_chunks_do_not(monkeypatch):
    images, labels = polynomials.generate(100, seed=5)
    monkeypatch.setattr(polynomials, "CHUNK", 7)
    again = polynomials.generate(100, seed=5)
    np.testing.assert_array_equal(images, again[0])
    np.testing.assert_array_equal(labels, again[1])
    assert (polynomials.generate(100, seed=6)[0] != images).any()


def test_prepares(catalogue, tmp_path):
    info = prepare("polynomials", catalogue["polynomials"], tmp_path)
    assert info["class_counts"] == {"train": [3200] * 5, "validation": [200] * 5, "test": [600] * 5}
    assert info["source"]["canonical"] and len(info["mean"]) == 1
