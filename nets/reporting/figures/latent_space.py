"""Figures of an autoencoder: its code of two numbers, what lies between codes, and where it errs."""

from pathlib import Path

import numpy as np

from nets.reporting.figures import pictures, style

FIGURES = ("latents.svg", "manifold.png", "interpolation.png", "error_by_class.svg")
STEPS = 8  # of an interpolation; a row of the grid
# Ten classes need more colours than curves do; each class is named in its middle besides.
CLASS_COLOURS = (*style.COLOURS, "#5e3c99", "#7a4a1f", "#8fbf21", "#7f7f7f")


def draw_latent(arrays: dict[str, np.ndarray], names: list[str] | None, target: Path) -> None:
    """Draw what the arrays of a reconstruction run allow into a folder."""
    labels = arrays.get("labels")
    named = labels is not None and (labels >= 0).all() and names is not None and len(names) <= len(CLASS_COLOURS)
    if "latents" in arrays:
        latents(arrays["latents"], labels if named else None, names, target / "latents.svg")
    if "manifold" in arrays:
        side = round(len(arrays["manifold"]) ** 0.5)
        pictures.save(pictures.grid(arrays["manifold"], side, size=pictures.MOVING), target / "manifold.png")
    if "interpolations" in arrays:
        pictures.save(pictures.grid(arrays["interpolations"], columns=STEPS), target / "interpolation.png")
    if "errors" in arrays and named:
        error_by_class(arrays["errors"], labels, names, target / "error_by_class.svg")


def latents(codes: np.ndarray, labels: np.ndarray | None, names: list[str] | None, path: Path) -> None:
    """Codes (N, 2) as points, by class where there are classes: a legend, and a name at each class's median."""
    size = 70 / max(len(codes), 100) ** 0.35
    with style.drawing(path, 4.6, 3.9) as (axis,):
        if labels is None:
            axis.scatter(*codes.T, s=size, color=style.COLOURS[0], linewidths=0, alpha=0.6, rasterized=True)
        else:
            order = np.random.default_rng(0).permutation(len(codes))  # so that no class lies above all others
            colours = np.array(CLASS_COLOURS)[labels]
            axis.scatter(*codes[order].T, s=size, c=colours[order], linewidths=0, alpha=0.7, rasterized=True)
            for label in np.unique(labels):
                axis.plot([], [], "o", markersize=5, color=CLASS_COLOURS[label], label=names[label])
                middle = np.median(codes[labels == label], axis=0)
                box = {"boxstyle": "round,pad=0.2", "facecolor": style.SURFACE, "edgecolor": "none", "alpha": 0.75}
                axis.text(*middle, names[label], ha="center", va="center", weight="bold", bbox=box)
            axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        axis.set(xlabel="first number of the code", ylabel="second number of the code")


def error_by_class(errors: np.ndarray, labels: np.ndarray, names: list[str], path: Path) -> None:
    """The spread of images' errors (N,) in each class: quartiles, and whiskers from the 5th to the 95th percentile."""
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
        axis.set(xlabel="mean squared error of an image", xlim=(0, None))
        axis.grid(False, axis="y")
