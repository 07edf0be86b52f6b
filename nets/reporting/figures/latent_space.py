"""Figures of an autoencoder: its reconstructions, its code of two numbers, and its errors."""

from pathlib import Path

import numpy as np

from nets.reporting.figures import pictures, style
from nets.reporting.figures.figure import RunFigure, has
from nets.reporting.results import Result

STEPS = 8  # images of one interpolation, a row of the grid
# Ten classes need more colours than curves do. Each class also has its name at its median.
CLASS_COLOURS = (*style.COLOURS, "#5e3c99", "#7a4a1f", "#8fbf21", "#7f7f7f")


def few_classes(result: Result) -> list[str] | None:
    """The names of the classes; None if an image lacks a label or there are more classes than colours."""
    labels, names = result.arrays.get("labels"), result.class_names
    if labels is None or names is None or len(names) > len(CLASS_COLOURS) or (labels < 0).any():
        return None
    return names


def reconstructions(result: Result, path: Path) -> None:
    """Test images, each above its reconstruction."""
    pictures.save_pairs(result.arrays["originals"], result.arrays["reconstructions"], path)


def manifold(result: Result, path: Path) -> None:
    """Images decoded from a square grid of codes."""
    images = result.arrays["manifold"]
    pictures.save(pictures.grid(images, round(len(images) ** 0.5), size=pictures.MOVING), path)


def interpolation(result: Result, path: Path) -> None:
    """A row of images from one code to another."""
    pictures.save(pictures.grid(result.arrays["interpolations"], columns=STEPS), path)


def latents(result: Result, path: Path) -> None:
    """Codes (N, 2) as points. If there are few classes, each has a colour, a legend entry, and a name at its median."""
    codes, names = result.arrays["latents"], few_classes(result)
    size = 70 / max(len(codes), 100) ** 0.35
    with style.drawing(path, 4.6, 3.9) as (axis,):
        if names is None:
            x, y = codes.T
            axis.scatter(x, y, size, color=style.COLOURS[0], linewidths=0, alpha=0.6, rasterized=True)
        else:
            labels = result.arrays["labels"]
            order = np.random.default_rng(0).permutation(len(codes))  # so that no class lies above all others
            colours = np.array(CLASS_COLOURS)[labels]
            x, y = codes[order].T
            axis.scatter(x, y, size, colours[order], linewidths=0, alpha=0.7, rasterized=True)
            for label in np.unique(labels):
                axis.plot([], [], "o", markersize=5, color=CLASS_COLOURS[label], label=names[label])
                x, y = np.median(codes[labels == label], axis=0)
                box = {"boxstyle": "round,pad=0.2", "facecolor": style.SURFACE, "edgecolor": "none", "alpha": 0.75}
                axis.text(x, y, names[label], ha="center", va="center", weight="bold", bbox=box)
            axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        axis.set(xlabel="first number of the code", ylabel="second number of the code")


def has_errors_by_class(result: Result) -> bool:
    """Whether images have errors, and there are few named classes."""
    return "errors" in result.arrays and few_classes(result) is not None


def error_by_class(result: Result, path: Path) -> None:
    """The spread of errors (N,) in each class: quartiles, and whiskers from the 5th to the 95th percentile."""
    errors, labels, names = result.arrays["errors"], result.arrays["labels"], result.class_names or []
    classes = np.unique(labels)
    groups = [errors[labels == label] for label in classes]
    order = np.argsort([np.median(group) for group in groups])
    with style.drawing(path, 4.2, 0.24 * len(classes) + 0.9) as (axis,):
        boxes = axis.boxplot(
            [groups[i] for i in order], orientation="horizontal", whis=(5, 95), showfliers=False, patch_artist=True,
            tick_labels=[names[classes[i]] for i in order], widths=0.6,
        )  # fmt: skip
        for part in (*boxes["whiskers"], *boxes["caps"], *boxes["medians"]):
            part.set(color=style.INK, linewidth=1)
        for box in boxes["boxes"]:
            box.set(facecolor=style.COLOURS[0], edgecolor="none", alpha=0.6)
        axis.set(xlabel="mean squared error per image", xlim=(0, None))
        axis.grid(False, axis="y")


FIGURES = (
    RunFigure(
        "reconstructions.png",
        has("reconstructions"),
        reconstructions,
        "Pairs of rows: test images, each above its reconstruction.",
    ),
    RunFigure(
        "latents.svg",
        has("latents"),
        latents,
        "Test images in a code of two numbers. Colours are classes; only a network with a classifier sees them in "
        "training. Classes that overlap can't be told apart from the code.",
    ),
    RunFigure(
        "manifold.png",
        has("manifold"),
        manifold,
        "Images decoded from a grid over the code of two numbers. The grid divides the prior of a VAE, or the codes of "
        "test images, into equal shares. From one field to the next, a class gradually turns into another.",
    ),
    RunFigure(
        "interpolation.png",
        has("interpolations"),
        interpolation,
        "Each row follows a straight line from the code of one test image to that of another. If the middle looks like "
        "neither an image nor a blend, the code has a gap there.",
    ),
    RunFigure(
        "error_by_class.svg",
        has_errors_by_class,
        error_by_class,
        "Reconstruction error of each class: the box holds the middle half of the test images, the line is the median, "
        "whiskers reach from the 5th to the 95th percentile. Images with many strokes are harder.",
    ),
)
