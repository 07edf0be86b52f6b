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
    """One row per sample, with its stages from noise to image."""
    pictures.save_rows(result.arrays["denoising"], path)


def latent_walk(result: Result, path: Path) -> None:
    """Rows of ten images, each row from one latent to another."""
    pictures.save_rows(result.arrays["interpolation"], path)


def nearest(result: Result, path: Path) -> None:
    """Samples, each above the training image nearest to it."""
    pictures.save_pairs(result.arrays["nearest_samples"], result.arrays["nearest_training"], path)


def classes(result: Result, path: Path) -> None:
    """Shares of classes according to a classifier: real images as an outline, generated ones as bars."""
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
    "Images that the network invents from random latents after the last epoch.",
    of_samples=True,
)
FIGURES = (
    RunFigure(
        "denoising.png",
        has("denoising"),
        denoising,
        "From noise (left) to images (right): each sample emerges as the denoiser removes noise.",
    ),
    RunFigure(
        "latent_walk.png",
        has("interpolation"),
        latent_walk,
        "From one latent (left) to another (right) in even steps on the sphere. If neighbours are alike and all are "
        "plausible, the network has learned a space, not a list of images.",
    ),
    RunFigure(
        "nearest.png",
        has("nearest_samples"),
        nearest,
        "Pairs of rows: samples, each above the training image nearest to it in pixels (moved by a pixel or blurred, "
        "if that is nearer); the likeliest copy comes first. Equal pairs would be copies.",
        of_samples=True,
    ),
    RunFigure(
        "classes.svg",
        has("classes_real"),
        classes,
        "Classes of samples and of real test images, according to a classifier. A missing class is a lost mode.",
        of_samples=True,
    ),
)
