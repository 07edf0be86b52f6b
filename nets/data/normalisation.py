"""Mean and standard deviation of prepared images."""

from pathlib import Path

import numpy as np

FLAT = 0.5 / 255  # a channel with a smaller standard deviation varies by less than half a grey level


def flat_channels(std: list[float]) -> list[int]:
    """The channels that hardly vary, from the standard deviation of each."""
    return [channel for channel, value in enumerate(std) if value < FLAT]


def divisors(std: list[float]) -> list[float]:
    """What each channel is divided by: its standard deviation, but 1 if it hardly varies: no number may explode."""
    return [1.0 if value < FLAT else value for value in std]


def channel_statistics(path: Path, rows: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over the images `rows`, for pixels in 0..1, to six digits.

    Computed from a histogram of integers, so that the result depends neither on chunks nor on the machine.
    """
    images = np.load(path, mmap_mode="r")
    histogram = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(rows), 1024):
        chunk = images[rows[start : start + 1024]]
        for channel in range(images.shape[1]):
            histogram[channel] += np.bincount(chunk[:, channel].ravel(), minlength=256)
    values, number = np.arange(256), histogram[0].sum()
    mean = (histogram * values).sum(axis=1) / number
    square = (histogram * values**2).sum(axis=1) / number
    std = np.sqrt(np.maximum(square - mean**2, 0))
    return [round(v / 255, 6) for v in mean.tolist()], [round(v / 255, 6) for v in std.tolist()]
