"""Figures of a generator: its samples, how they emerge, what lies between them, and whether they are new."""

from pathlib import Path

import numpy as np

from nets.reporting.figures import pictures, style
from nets.reporting.figures.figure import RunFigure, has
from nets.reporting.results import Result


def samples(result: Result, path: Path) -> None:
    """A square grid of many small images, or eight large ones in a row."""
    images = result.arrays["samples"]
    many = len(images) > 100
    size = pictures.MOVING if many else pictures.STILL
    pictures.save(pictures.grid(images, columns=16 if many else 8, size=size), path)


def denoising(result: Result, path: Path) -> None:
    """The stages of each sample in a row."""
    pictures.save_rows(result.arrays["denoising"], path)


def latent_walk(result: Result, path: Path) -> None:
    """Ten images a row, each from one latent to another."""
    pictures.save_rows(result.arrays["interpolation"], path)


def nearest(result: Result, path: Path) -> None:
    """Samples, each above the training image that is nearest to it."""
    pictures.save_pairs(result.arrays["nearest_samples"], result.arrays["nearest_training"], path)


def classes(result: Result, path: Path) -> None:
    """Shares of classes, as a classifier sees them: of real images as an outline, of generated ones as bars."""
    real, generated = result.arrays["classes_real"], result.arrays["classes_generated"]
    places = np.arange(len(real))
    with style.drawing(path, 3.9, 2.4) as (axis,):
        axis.bar(places, 100 * generated, width=0.7, color=style.COLOURS[0], label="generated")
        steps = np.append(real, real[-1]) * 100
        axis.step(np.append(places, len(real)) - 0.5, steps, where="post", color=style.COLOURS[1], label="real")
        if len(real) <= style.WRITTEN_OUT:
            labels = result.class_labels(len(real))
            axis.set_xticks(places, labels, rotation=90 if max(map(len, labels)) > 3 else 0)
        axis.set(ylim=(0, None))
        axis.grid(False, axis="x")
        axis.set_title("Classes (% of images)")
        axis.legend()


SAMPLES = RunFigure(
    "samples.png",
    has("samples"),
    samples,
    "Images that the network invented after the last epoch, from random latents.",
    of_samples=True,
)
FIGURES = (
    RunFigure(
        "denoising.png",
        has("denoising"),
        denoising,
        "From noise (left) to images (right): how each sample comes out as the denoiser takes noise away.",
    ),
    RunFigure(
        "latent_walk.png",
        has("interpolation"),
        latent_walk,
        "From one latent (left) to another (right) by even steps on the sphere. Where neighbours are alike and all are "
        "plausible, the network has learned a space, not a list of images.",
    ),
    RunFigure(
        "nearest.png",
        has("nearest_samples"),
        nearest,
        "Rows in pairs: samples, and under each the training image that is nearest in pixels; from the nearest to the "
        "farthest. Equal pairs would be copies.",
        of_samples=True,
    ),
    RunFigure(
        "classes.svg",
        has("classes_real"),
        classes,
        "How a classifier sorts samples and real test images; a class that is missing is a lost mode.",
        of_samples=True,
    ),
)
