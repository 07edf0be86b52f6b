"""The learning curves of one run: its losses, and one metric on validation data."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from nets.metrics.metric import stem
from nets.reporting import glossary
from nets.reporting.figures import style
from nets.reporting.figures.figure import RunFigure
from nets.reporting.results import Result


class Panel(NamedTuple):
    """A panel of curves, and the columns of the history that it shows."""

    title: str
    columns: list[str]


def panels(result: Result) -> list[Panel]:
    """The losses, and the headline on validation data, or else the first metric that was measured there."""
    names = [n for n in result.history if n.startswith(("train/", "validation/")) and not n.endswith("_std")]
    losses = [name for name in names if not glossary.is_metric(name)]
    watched = [name for name in names if name.startswith("validation/") and glossary.is_metric(name)]
    headline = f"validation/{stem(result.headline.metric)}" if result.headline else ""
    chosen = headline if headline in watched else next(iter(watched), None)
    shown = [Panel("Loss", losses)] if losses else []
    if chosen:
        metric = chosen.partition("/")[2]
        entry = glossary.describe(metric)
        title = entry.label + (f" ({entry.unit})" if entry.unit else "")
        shown.append(Panel(title, [name for name in names if name.partition("/")[2] == metric]))
    return shown


def has_curves(result: Result) -> bool:
    """Whether the history has columns to show and at least two epochs."""
    return len(result.history.get("epoch", ())) > 1 and bool(panels(result))


def curves(result: Result, path: Path) -> None:
    """Losses and the metric over epochs; losses of an adversarial game are also smoothed.

    A metric that is not measured after every epoch has a marker at each value.
    """
    history, shown = result.history, panels(result)
    epochs = np.asarray(history["epoch"])
    with style.drawing(path, 3.9, 2.1 * len(shown) if len(shown) > 1 else 2.7, rows=len(shown)) as axes:
        for axis, (title, names) in zip(axes, shown, strict=True):
            game = title == "Loss" and not any(name.startswith("validation/") for name in names) and len(names) > 1
            for index, name in enumerate(names):
                values = np.asarray(history[name])
                word = name.removeprefix("train/") if game else name.partition("/")[0].replace("train", "training")
                if game:
                    axis.plot(epochs, values, **style.look(index) | {"linewidth": 0.8, "alpha": 0.35})
                    values = smooth(values)
                there = ~np.isnan(values)
                marker = {"marker": "o", "markersize": 4} if there.sum() < max(2, len(values)) else {}
                axis.plot(epochs[there], values[there], label=word.replace("_", " "), **style.look(index) | marker)
            finish(axis, title + (", smoothed" if game else ""), [history[name] for name in names])
        axes[-1].set_xlabel("epoch")


def finish(axis: Axes, title: str, columns: list[list[float]]) -> None:
    """Add the title, the legend and ticks at whole epochs; use a logarithmic scale if values span a factor of 30."""
    values = np.concatenate(columns)
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 30 * values.min():
        style.log_y(axis)
    if title.endswith("(%)"):
        style.stretch(axis)
    axis.set_title(title)
    style.whole_x(axis)
    axis.legend()


def smooth(values: np.ndarray) -> np.ndarray:
    """A centred running mean over about a tenth of the epochs, at least three; shorter at the ends."""
    reach = max(1, len(values) // 20)
    return np.array([np.mean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))])


CURVES = RunFigure("curves.svg", has_curves, curves, "Training, epoch by epoch.")
