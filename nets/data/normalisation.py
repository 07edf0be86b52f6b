"""Mean and standard deviation of prepared images."""

from pathlib import Path

import numpy as np


def channel_statistics(path: Path, rows: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over the images `rows`, for pixels in 0..1, to six digits.

    A channel that never varies gets the deviation 1, so that standardising makes it 0 rather than dividing by 0.
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
    return [round(v / 255, 6) for v in mean.tolist()], [round(v / 255, 6) or 1.0 for v in std.tolist()]
