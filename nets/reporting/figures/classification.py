"""Figures of a classifier: the classes that it confuses, and its worst mistakes."""

from pathlib import Path

import numpy as np

from nets.reporting.figures import pictures, style
from nets.reporting.figures.figure import RunFigure, has
from nets.reporting.results import Result


def confusion(result: Result, path: Path) -> None:
    """Rows are true classes, columns predicted ones. Shades are shares of a row, stretched so that errors show."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    counts = result.arrays["confusion"]
    size = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("shades", ["#dcebf5", "#6fb0d8", "#0a6fae", "#003a5c"])
    with style.drawing(path, 4.2, 3.9) as (axis,):
        axis.grid(False)
        masked = np.ma.masked_equal(shares, 0)
        axis.pcolormesh(masked, cmap=shades, norm=PowerNorm(0.4, 0, 1), rasterized=size > style.WRITTEN_OUT)
        axis.set(xlabel="predicted class", ylabel="true class", aspect="equal", xlim=(0, size), ylim=(size, 0))
        if size <= style.WRITTEN_OUT:
            labels = result.class_labels(size)
            turned = 90 if max(map(len, labels)) > 3 else 0
            axis.set_xticks(np.arange(size) + 0.5, labels, rotation=turned)
            axis.set_yticks(np.arange(size) + 0.5, labels)
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    colour = "#fefefe" if shares[row, column] > 0.12 else "#10131a"
                    at = (column + 0.5, row + 0.5)
                    axis.text(*at, f"{count}", ha="center", va="center", color=colour, fontsize=7)


def worst(result: Result, path: Path) -> None:
    """Images with the predicted class, its probability, and the true class."""
    arrays, names = result.arrays, result.class_names
    columns = (arrays[f"worst_{key}"] for key in ("true", "predicted", "probability"))
    lines = []
    for true, predicted, probability in zip(*columns, strict=True):
        prediction, truth = (names[label] if names else str(label) for label in (predicted, true))
        lines.append([f"{prediction} ({100 * probability:.0f} %)", f"is {truth}"])
    pictures.save(pictures.captioned(arrays["worst_images"], lines, columns=8), path)


FIGURES = (
    RunFigure(
        "worst.png",
        has("worst_images"),
        worst,
        "The worst mistakes on test images: the predicted class with its probability, and the true class.",
    ),
    RunFigure(
        "confusion.svg",
        has("confusion"),
        confusion,
        "Numbers of test images by true class (rows) and predicted class (columns). Shades are stretched to show rare "
        "errors.",
    ),
)
