"""Figures of one run: its curves, its confusion matrix, its pictures."""

from pathlib import Path

import numpy as np

from nets.reporting import glossary
from nets.reporting.figures import latent_space as latent
from nets.reporting.figures import pictures, segments, style
from nets.reporting.results import read_arrays, read_history, read_json

FIGURES = (
    *("curves.svg", "confusion.svg", "worst.png", "reconstructions.png", "samples.png", "evolution.gif"),
    *latent.FIGURES,
    *("denoising.png", "latent_walk.png", "nearest.png", "classes.svg", "segmentation.png", "class_iou.svg"),
)
WRITTEN_OUT = 20  # classes up to which cells of a confusion matrix carry their counts


def draw_run(folder: Path) -> list[Path]:
    """Draw what a run's files allow into `<folder>/figures`; a hole may have none. Returns what was drawn."""
    config, metrics = read_json(folder / "config.json"), read_json(folder / "metrics.json")
    arrays, snapshots = read_arrays(folder / "arrays.npz"), read_arrays(folder / "snapshots.npz")
    history = read_history(folder / "history.csv")
    target = folder / "figures"
    target.mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        (target / name).unlink(missing_ok=True)
    found = panels(history, (metrics.get("headline") or {}).get("metric"))
    if found and len(history["epoch"]) > 1:  # a point is no curve
        curves(history, found, target / "curves.svg")
    if "confusion" in arrays:
        confusion(arrays["confusion"], class_names(config), target / "confusion.svg")
    if len(arrays.get("worst_images", ())):
        worst(arrays, class_names(config), target / "worst.png")
    if "reconstructions" in arrays:
        pairs = pictures.over(arrays["originals"], arrays["reconstructions"])
        pictures.save(pictures.grid(pairs, columns=8), target / "reconstructions.png")
        latent.draw_latent(arrays, class_names(config), target)
    if "samples" in arrays:
        pictures.save(pictures.samples(arrays["samples"]), target / "samples.png")
    for array, name in (("denoising", "denoising.png"), ("interpolation", "latent_walk.png")):
        if array in arrays:
            images = arrays[array].reshape(-1, *arrays[array].shape[-3:])
            pictures.save(pictures.grid(images, columns=10, size=pictures.MOVING), target / name)
    if "nearest_samples" in arrays:
        pairs = pictures.over(arrays["nearest_samples"], arrays["nearest_training"])
        pictures.save(pictures.grid(pairs, columns=8), target / "nearest.png")
    if "classes_real" in arrays:
        classes(arrays["classes_real"], arrays["classes_generated"], class_names(config), target / "classes.svg")
    if "class_iou" in arrays:
        names = class_names(config) or [str(number) for number in range(len(arrays["class_iou"]))]
        segments.segmentation(arrays, names, target / "segmentation.png")
        segments.class_iou(arrays["class_iou"], names, target / "class_iou.svg")
    if len(snapshots.get("epochs", ())) > 1:
        pictures.evolution(snapshots["images"], snapshots["epochs"], target / "evolution.gif")
    return [target / name for name in FIGURES if (target / name).exists()]


def class_names(config: dict) -> list[str] | None:
    """The names of a data set's classes, where it has names."""
    classes = config["data"].get("classes")
    return [str(name) for name in classes] if isinstance(classes, list) else None


def worst(arrays: dict[str, np.ndarray], names: list[str] | None, path: Path) -> None:
    """Images with the network's answer, how sure it was, and the truth."""
    lines = []
    for true, predicted, probability in zip(
        *(arrays[f"worst_{key}"] for key in ("true", "predicted", "probability")), strict=True
    ):
        answer, truth = (names[label] if names else str(label) for label in (predicted, true))
        lines.append([f"{answer} ({100 * probability:.0f} %)", f"is {truth}"])
    pictures.save(pictures.captioned(arrays["worst_images"], lines, columns=8), path)


def panels(history: dict[str, list[float]], headline: str | None) -> list[tuple[str, list[str]]]:
    """(title, columns) of each panel: the losses, and the metric that is watched on validation data."""
    names = [n for n in history if n.startswith(("train/", "validation/")) and not n.endswith("_std")]
    losses = [name for name in names if not is_metric(name)]
    watched = [name for name in names if name.startswith("validation/") and is_metric(name)]
    chosen = f"validation/{headline}" if f"validation/{headline}" in watched else next(iter(watched), None)
    found = [("Loss", losses)] if losses else []
    if chosen:
        metric = chosen.partition("/")[2]
        known = glossary.describe(metric)
        title = known.label + (f" ({known.unit})" if known.unit else "")
        found.append((title, [name for name in names if name.partition("/")[2] == metric]))
    return found


def is_metric(column: str) -> bool:
    """Whether a column of a history is a metric, and not a loss."""
    return glossary.parts(column.partition("/")[2])[0] in glossary.METRICS


def curves(history: dict[str, list[float]], found: list[tuple[str, list[str]]], path: Path) -> None:
    """Losses and the watched metric over epochs; where several losses play against each other, smoothed too.

    What is not measured after each epoch has a marker where it is.
    """
    epochs = np.asarray(history["epoch"])
    with style.drawing(path, 3.9, 2.1 * len(found) if len(found) > 1 else 2.7, rows=len(found)) as axes:
        for axis, (title, names) in zip(axes, found, strict=True):
            game = title == "Loss" and not any(name.startswith("validation/") for name in names) and len(names) > 1
            for index, name in enumerate(names):
                values = np.asarray(history[name])
                word = name.removeprefix("train/") if game else name.partition("/")[0].replace("train", "training")
                if game:
                    axis.plot(epochs, values, **style.look(index) | {"linewidth": 0.8, "alpha": 0.35})
                    values = smooth(values)
                known = ~np.isnan(values)
                marker = {"marker": "o", "markersize": 4} if known.sum() < max(2, len(values)) else {}
                axis.plot(epochs[known], values[known], label=word.replace("_", " "), **style.look(index) | marker)
            finish(axis, title + (", smoothed" if game else ""), history, names)
        axes[-1].set_xlabel("epoch")


def finish(axis, title: str, history: dict[str, list[float]], names: list[str]) -> None:
    """Title, legend, whole epochs, and a logarithmic scale where values span a lot."""
    values = np.concatenate([history[name] for name in names])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 30 * values.min():
        style.log_y(axis)
    if title.endswith("(%)"):
        style.stretch(axis)
    axis.set_title(title)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()


def smooth(values: np.ndarray) -> np.ndarray:
    """A centred running mean over about a tenth of the epochs, at least three; shorter at the ends."""
    reach = max(1, len(values) // 20)
    return np.array([np.mean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))])


def confusion(counts: np.ndarray, names: list[str] | None, path: Path) -> None:
    """Rows: the truth; columns: the answer. Shades are shares of a row, stretched so that errors show."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    size = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("shades", ["#dcebf5", "#6fb0d8", "#0a6fae", "#003a5c"])
    with style.drawing(path, 4.2, 3.9) as (axis,):
        axis.grid(False)
        masked = np.ma.masked_equal(shares, 0)
        axis.pcolormesh(masked, cmap=shades, norm=PowerNorm(0.4, 0, 1), rasterized=size > WRITTEN_OUT)
        axis.set(xlabel="answer of the network", ylabel="truth", aspect="equal", xlim=(0, size), ylim=(size, 0))
        if size <= WRITTEN_OUT:
            labels = names or [str(i) for i in range(size)]
            turned = 90 if max(map(len, labels)) > 3 else 0
            axis.set_xticks(np.arange(size) + 0.5, labels, rotation=turned)
            axis.set_yticks(np.arange(size) + 0.5, labels)
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    colour = "#fefefe" if shares[row, column] > 0.12 else "#10131a"
                    at = (column + 0.5, row + 0.5)
                    axis.text(*at, f"{count}", ha="center", va="center", color=colour, fontsize=7)


def classes(real: np.ndarray, generated: np.ndarray, names: list[str] | None, path: Path) -> None:
    """Shares of classes, as a classifier sees them: of real images as an outline, of generated ones as bars."""
    places = np.arange(len(real))
    with style.drawing(path, 3.9, 2.4) as (axis,):
        axis.bar(places, 100 * generated, width=0.7, color=style.COLOURS[0], label="generated")
        steps = np.append(real, real[-1]) * 100
        axis.step(np.append(places, len(real)) - 0.5, steps, where="post", color=style.COLOURS[1], label="real")
        if len(real) <= WRITTEN_OUT:
            labels = names or [str(i) for i in places]
            axis.set_xticks(places, labels, rotation=90 if max(map(len, labels)) > 3 else 0)
        axis.set(ylim=(0, None))
        axis.grid(False, axis="x")
        axis.set_title("Classes (% of images)")
        axis.legend()
