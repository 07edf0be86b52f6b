"""Scenes of several MNIST digits, scaled and overlapping, on textured ground, with the class of every pixel.

Class 0 is the ground, class k + 1 is the digit k. The entry in the catalogue says how many digits a scene holds, and of
which sizes. Each digit has its own brightness, and a later digit covers an earlier one. A pixel belongs to a digit if
its ink is at least 0.3 of the maximum. The ground is coarse and fine noise. Train, validation and test scenes are made
of different digits, divided as in `mnist5k`.

The bits are the same on every platform: the random numbers come from numpy's frozen legacy generator, and the
arithmetic is elementwise float64 in a fixed order.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from nets.data.splits import divide

VERSION = 1
GRAINS = ((8, 80.0), (2, 30.0))  # of the ground: size of a grain in pixels, range of its grey levels
INK = 0.3  # the least ink of a digit's pixel
SPLITS = {"validation": 500, "test": 1000, "seed": 0}  # of the 5,000 digits, as in mnist5k


def generate(
    ink: np.ndarray,
    labels: np.ndarray,
    count: int,
    seed: int,
    height: int,
    width: int,
    digits: Sequence[int],
    sizes: Sequence[int],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images (n, 1, height, width) and masks (n, height, width), uint8, of `train`, `validation` and `test`.

    The `count` scenes are divided in the same proportions as the digits, `ink` (N, 28, 28) uint8 with labels (N,).
    `digits`: the least and greatest number of digits per scene; `sizes`: their least and greatest side in pixels.
    """
    random = np.random.RandomState(seed)
    scenes = {}
    for split, rows in divide(labels, SPLITS, None).items():
        number = count * len(rows) // len(labels)
        images = _ground(random, number, height, width)
        masks = np.zeros(images.shape, np.uint8)
        for image, mask in zip(images, masks, strict=True):
            for row in rows[random.randint(0, len(rows), random.randint(digits[0], digits[1] + 1))]:
                _put(random, sizes, ink[row] / 255.0, labels[row], image, mask)
        scenes[split] = np.rint(images).astype(np.uint8)[:, None], masks
    return scenes


def sha256(scenes: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """SHA-256 of the images and masks of all splits, in order."""
    total = hashlib.sha256()
    for images, masks in scenes.values():
        total.update(images.tobytes() + masks.tobytes())
    return total.hexdigest()


def _ground(random: np.random.RandomState, count: int, height: int, width: int) -> np.ndarray:
    """Textures (count, height, width) in 0..110: coarse plus fine noise."""
    ground = np.zeros((count, height, width))
    for grain, levels in GRAINS:
        noise = random.random_sample((count, height // grain + 2, width // grain + 2))
        rows, columns = (np.arange(size) / grain for size in (height, width))
        ground += levels * _between(_between(noise, rows, 1), columns, 2)
    return ground


def _put(
    random: np.random.RandomState,
    sizes: Sequence[int],
    ink: np.ndarray,
    label: int,
    image: np.ndarray,
    mask: np.ndarray,
) -> None:
    """Draw a digit (28, 28) in 0..1 into an image and its mask, at a random place, size and brightness."""
    size = random.randint(sizes[0], sizes[1] + 1)
    places = np.clip((np.arange(size) + 0.5) * len(ink) / size - 0.5, 0, len(ink) - 1)
    ink = _between(_between(ink, places, 0), places, 1)
    top, left = (random.randint(0, room - size + 1) for room in image.shape)
    brightness = 140 + 115 * random.random_sample()
    part = (slice(top, top + size), slice(left, left + size))
    image[part] = image[part] * (1 - ink) + brightness * ink
    mask[part][ink >= INK] = label + 1


def _between(values: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """Values at fractional places along an axis, by linear interpolation."""
    below = np.minimum(places.astype(np.int64), values.shape[axis] - 2)
    share = (places - below).reshape([-1 if n == axis else 1 for n in range(values.ndim)])
    return values.take(below, axis) * (1 - share) + values.take(below + 1, axis) * share
