"""The learning curves of all models of a comparison, in one figure."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nets.metrics.metric import stem
from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.figures import style
from nets.reporting.figures.curves import smooth
from nets.reporting.figures.figure import ComparisonFigure
from nets.reporting.results import Result


class Curve(NamedTuple):
    """A model's line, its last value, and all its values after the first tenth of training."""

    line: Line2D
    last: float
    late: np.ndarray


def watched(comparison: Comparison) -> list[str]:
    """The history columns to compare: the headline on validation data, or else up to three training losses."""
    names = list(dict.fromkeys(name for result in comparison.results if result.ok for name in result.history))
    column = comparison.table.headline
    headline = f"validation/{stem(column.metric)}" if column else ""
    if headline in names:
        return [headline]
    return [name for name in names if name.startswith("train/") and not name.endswith("_std")][:3]


def has_curves(comparison: Comparison) -> bool:
    """Whether there is a column to compare, and a run with at least two epochs."""
    longest = max(len(result.history.get("epoch", ())) for result in comparison.results)
    return longest > 1 and bool(watched(comparison))


def learning(comparison: Comparison, path: Path) -> None:
    """Curves of all models: the mean over seeds, in a band from the lowest to the highest seed."""
    table, names = comparison.table, watched(comparison)
    width, height = 4.4 * len(names) if len(names) > 1 else 7.6, max(3.0, 0.19 * len(table.rows) + 0.6)
    shown: dict[str, Curve] = {}
    with style.drawing(path, width, height, columns=len(names)) as axes:
        for axis, name in zip(axes, names, strict=True):
            drawn = [
                model_curve(axis, row.results, name, place, table.short_names[row.label])
                for place, row in enumerate(table.rows)
            ]
            curves = [curve for curve in drawn if curve]
            axis.set_title(curve_title(name))
            axis.set_xlabel("epoch")
            style.whole_x(axis)
            late = np.concatenate([np.array([]), *(curve.late for curve in curves)])
            scale(axis, late, percent=glossary.describe(name.partition("/")[2]).unit == "%")
            shown |= {str(curve.line.get_label()): curve for curve in curves}
        listed = list(shown.values())
        if len(names) == 1 and not (table.headline and table.headline.unusable):
            higher = table.headline is not None and table.headline.direction == "higher"
            listed.sort(key=lambda curve: curve.last, reverse=higher)
        legend = axes[-1].legend(
            handles=[curve.line for curve in listed], loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=2.6
        )
        key = table.headline.key if table.headline else ""
        best = {table.short_names[row.label] for row in table.rows if key in row.cells and row.cells[key].best}
        for text in legend.get_texts():
            text.set_fontweight("bold" if text.get_text() in best else "normal")


def curve_title(name: str) -> str:
    """'Top-1 (%), validation' for a column of a history."""
    kind, _, metric = name.partition("/")
    entry = glossary.describe(metric)
    title = entry.label if entry.text else glossary.loss_label(name)
    return title + (f" ({entry.unit})" if entry.unit else "") + f", {kind.replace('train', 'training')}"


def model_curve(axis: Axes, group: list[Result], name: str, index: int, label: str) -> Curve | None:
    """Draw one model's curve. If a seed is a hole (has no result), draw each other seed as a thin line, and no mean.

    A metric that is not measured after every epoch has a marker at each value. Returns None if there is no curve.
    """
    results = [result for result in group if result.ok and name in result.history]
    if not results:
        return None
    length = min(len(result.history[name]) for result in results)
    values = np.array([result.history[name][:length] for result in results])
    (measured,) = np.nonzero(~np.isnan(values).any(axis=0))
    if not len(measured):
        return None
    look = style.look(index) | ({"marker": "o", "markersize": 3.5} if len(measured) < max(2, length) else {})
    if name.startswith("train/"):
        values = np.array([smooth(row) for row in values])
    late = values[:, measured[measured >= length // 10]].ravel()
    epochs, values = np.asarray(results[0].history["epoch"])[measured], values[:, measured]
    if len(results) == len(group):
        (line,) = axis.plot(epochs, values.mean(axis=0), label=label, **look)
        band = {"color": look["color"], "alpha": 0.14, "linewidth": 0}
        axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), **band)
        return Curve(line, values.mean(axis=0)[-1], late)
    label += f" ({len(results)} of {len(group)} seeds)"
    lines = [axis.plot(epochs, row, label=label, **look | {"linewidth": 0.8})[0] for row in values]
    return Curve(lines[0], values[0, -1], late)


def scale(axis: Axes, late: np.ndarray, percent: bool) -> None:
    """Fit the axis to values after the steep first tenth of training; stretch it where they crowd or span a lot."""
    late = late[np.isfinite(late)]
    if not len(late) or late.min() == late.max():
        return
    room = 0.05 * (late.max() - late.min())
    axis.set_ylim(late.min() - room, late.max() + room)
    if percent:
        style.stretch(axis)
    elif late.min() > 0 and late.max() > 30 * late.min():
        axis.set_ylim(late.min() / 1.1, late.max() * 1.1)
        style.log_y(axis)


LEARNING = ComparisonFigure(
    "{task}-{dataset}-learning.svg",
    has_curves,
    learning,
    "All models: the mean over seeds, in a band from the lowest to the highest seed; a model without a band has "
    "one seed, or a seed is missing. A steep beginning may be cut off. The table lists the settings. "
    "Bold: the group of the best on test images.",
    section="learning",
    title="Learning curves of {task} on {dataset}",
    stretched=True,
)
