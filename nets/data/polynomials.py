"""Pictures of random polynomials in two variables, labelled by degree.

    p(x, y) = sum over i + j <= d of c_ij x^i y^j,   c_ij ~ N(0, 1),   x, y in {0, 1/n, ..., (n - 1)/n}

x grows to the right and y downwards. Every image is scaled to the range 0..255.

The idea is from the teaching repository LorenzoValente3/Deep-Learning-Models (`Polynomials`), which trains GANs on such
pictures. Three of its mistakes are fixed here. It draws degrees from 0 to 4, although its page says up to 5 (here: 1 to
5, equally many of each). It has no seed (here: seeded, versioned and hashed). It scales each *row* of pixels to unit
length, which tears the surface apart between rows (here: each image).

The bits are the same on every platform. The random numbers come from numpy's frozen legacy generator; the arithmetic is
elementwise float64 addition and multiplication in a fixed order, without matrix products or powers.
"""

import hashlib

import numpy as np

VERSION = 1
CHUNK = 250  # images at a time: the intermediate arrays stay in the processor's cache


def generate(count: int, seed: int, degrees: int = 5, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 1, size, size) uint8 and labels (count,) int64; label k means degree k + 1."""
    random = np.random.RandomState(seed)
    labels = random.permutation(np.arange(count) % degrees)
    exponents = [(i, total - i) for total in range(degrees + 1) for i in range(total + 1)]
    coefficients = random.standard_normal((count, len(exponents)))
    basis = _monomials(exponents, size)
    images = np.empty((count, 1, size, size), np.uint8)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        images[part, 0] = _draw(coefficients[part], labels[part] + 1, exponents, basis)
    return images, labels.astype(np.int64)


def sha256(images: np.ndarray) -> str:
    """SHA-256 of the pixels, image by image and row by row."""
    return hashlib.sha256(images.tobytes()).hexdigest()


def _monomials(exponents: list[tuple[int, int]], size: int) -> list[np.ndarray]:
    """x^i y^j on the grid, one (size, size) array for each (i, j); rows are y."""
    axis = np.arange(size) / size
    powers = [np.ones(size)]
    for _ in range(max(i for i, _ in exponents)):
        powers.append(powers[-1] * axis)
    return [powers[j][:, None] * powers[i][None, :] for i, j in exponents]


def _draw(
    coefficients: np.ndarray,
    degree: np.ndarray,
    exponents: list[tuple[int, int]],
    basis: list[np.ndarray],
) -> np.ndarray:
    """Polynomials of the given degrees (n,) as (n, size, size) uint8; terms above a degree are left out."""
    values = np.zeros((len(degree), *basis[0].shape))
    for k, (i, j) in enumerate(exponents):
        weight = np.where(i + j <= degree, coefficients[:, k], 0.0)
        values += weight[:, None, None] * basis[k]
    low = values.min(axis=(1, 2), keepdims=True)
    high = values.max(axis=(1, 2), keepdims=True)
    return np.rint((values - low) / (high - low) * 255).astype(np.uint8)
