"""Figures of what is inside a network: its first weights, and the pixels that its answers hang on."""

from pathlib import Path

import numpy as np

from nets.reporting.figures import pictures
from nets.reporting.figures.figure import RunFigure
from nets.reporting.results import Result


def filters(result: Result, path: Path) -> None:
    """The first weights, small ones eight or sixteen in a row."""
    images = result.anatomy["filters"]
    pictures.save(pictures.grid(images, columns=16 if len(images) > 16 else 8, size=pictures.MOVING), path)


def saliency(result: Result, path: Path) -> None:
    """Images, each above the map of the pixels that its answer hangs on."""
    images, maps = result.anatomy["saliency_images"], result.anatomy["saliency"]
    pictures.save_pairs(images, np.broadcast_to(maps, images.shape), path)


FIGURES = (
    RunFigure(
        "saliency.png",
        lambda result: len(result.anatomy.get("saliency", ())) > 0,
        saliency,
        "Pairs of rows: the worst mistakes, each above the pixels that its wrong answer hangs on. White pixels move "
        "the answer most (SmoothGrad, the mean gradient of 16 noisy copies).",
    ),
    RunFigure(
        "filters.png",
        lambda result: len(result.anatomy.get("filters", ())) > 0,
        filters,
        "The first weights that see pixels, at most 32 filters. Grey is zero; each is as bright as its largest weight "
        "allows.",
    ),
)
