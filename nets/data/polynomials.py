"""Pictures of random polynomials in two variables, labelled by degree.

    p(x, y) = sum over i + j <= d of c_ij x^i y^j,   c_ij ~ N(0, 1),   x, y in {0, 1/n, ..., (n - 1)/n}

x grows to the right and y downwards. Every image is scaled so that its lowest value is 0 and its highest 255.

The idea is of the teaching repository LorenzoValente3/Deep-Learning-Models (`Polynomials`), which trains GANs on them.
Three slips of it are mended here: its degrees are drawn from 0 to 4 where its page says up to 5 (ours are 1 to 5,
equally many of each); it has no seed (ours is seeded, versioned and hashed); and it scales each *row* of pixels to
unit length, which tears the surface apart between rows (ours scales each image).

The bits are the same on every platform: numpy's frozen legacy generator, and elementwise float64 additions and
multiplications in a fixed order, with no matrix product and no power function.
"""

import hashlib

import numpy as np

VERSION = 1
CHUNK = 250  # images at a time: the intermediate arrays stay in the processor's cache


def generate(count: int, seed: int, degrees: int = 5, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """`count` images (count, 1, size, size) uint8 and labels (count,) int64; label k is degree k + 1."""
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
    """SHA-256 of the pixels, image after image, row after row."""
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
