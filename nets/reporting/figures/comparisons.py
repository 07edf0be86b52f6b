"""Figures that compare the models of one task and data set: learning together, and quality against cost."""

from functools import partial
from pathlib import Path

import numpy as np

from nets.reporting import glossary
from nets.reporting.figures import labels, style
from nets.reporting.figures.rate_distortion import rate_distortion
from nets.reporting.figures.run import smooth
from nets.reporting.results import Run, models
from nets.reporting.tables.comparison import Column, Row, Table

TITLES = {"parameters": "parameters", "macs": "MACs", "sample_macs": "cost of a sample", "seconds": "training time"}
COSTS = {
    "parameters": "parameters",
    "macs": "multiply-accumulates per image",
    "sample_macs": "multiply-accumulates of one sample, all steps",
    "seconds": "training time in seconds",
}


def draw_comparison(table: Table, runs: list[Run], folder: Path) -> list[Path]:
    """Draw `<task>-<dataset>-{learning,rate_distortion,parameters,…}.svg`, as far as there is something to draw."""
    written = []
    drawers = {"learning": lambda path: learning(table, runs, path), "rate_distortion": partial(rate_distortion, table)}
    for name in (*drawers, *COSTS):
        path = folder / f"{table.task}-{table.dataset}-{name}.svg"
        path.unlink(missing_ok=True)
        drawn = drawers[name](path) if name in drawers else cost(table, name, path)
        written += [path] if drawn else []
    return written


def watched(table: Table, runs: list[Run]) -> list[str]:
    """The columns of the histories to compare: the headline on validation data, else the training losses."""
    names = list(dict.fromkeys(name for run in runs if run.ok for name in run.history))
    headline = f"validation/{table.headline.metric}" if table.headline else ""
    if headline in names:
        return [headline]
    return [name for name in names if name.startswith("train/") and not name.endswith("_std")][:3]


def learning(table: Table, runs: list[Run], path: Path) -> bool:
    """Curves of all models: the mean over seeds in the band from the lowest to the highest seed."""
    names = watched(table, runs)
    if not names or all(len(run.history.get("epoch", ())) < 2 for run in runs):
        return False
    groups, places = {group[0].label: group for group in models(runs).values()}, places_of(table)
    width, height = 4.4 * len(names) if len(names) > 1 else 7.6, max(3.0, 0.19 * len(groups) + 0.6)
    shown = {}
    with style.drawing(path, width, height, columns=len(names)) as axes:
        for axis, name in zip(axes, names, strict=True):
            drawn = [
                model_curve(axis, group, name, places[label], table.names[label]) for label, group in groups.items()
            ]
            lines, late = zip(*filter(None, drawn), strict=True) if any(drawn) else ((), ([],))
            axis.set_title(curve_title(name))
            axis.set_xlabel("epoch")
            axis.xaxis.get_major_locator().set_params(integer=True)
            scale(axis, np.concatenate(late), percent=glossary.describe(name.partition("/")[2]).unit == "%")
            shown |= {line.get_label(): line for line in lines}
        lines = list(shown.values())
        if len(names) == 1:
            higher = table.headline is not None and table.headline.direction == "higher"
            lines.sort(key=lambda line: line.get_ydata()[-1], reverse=higher)
        axes[-1].legend(handles=lines, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=2.6)
    return True


def places_of(table: Table) -> dict[str, int]:
    """Each model's place in the table, which gives it its colour in every figure."""
    return {row.label: place for place, row in enumerate(table.rows)}


def curve_title(name: str) -> str:
    """'Top-1 (%), validation' for a column of a history."""
    kind, _, metric = name.partition("/")
    known = glossary.describe(metric)
    title = known.label if known.text else f"{metric.replace('_', ' ').capitalize()} loss".replace("Loss loss", "Loss")
    return title + (f" ({known.unit})" if known.unit else "") + f", {kind.replace('train', 'training')}"


def model_curve(axis, group: list[Run], name: str, index: int, label: str):
    """One model's curve; where a seed is a hole, the single seeds as thin lines instead of a mean.

    What is not measured after each epoch has a marker where it is.
    Returns the line and all values after the first tenth of training; None where there is no curve.
    """
    runs = [run for run in group if run.ok and name in run.history]
    if not runs:
        return None
    length = min(len(run.history[name]) for run in runs)
    values = np.array([run.history[name][:length] for run in runs])
    (known,) = np.nonzero(~np.isnan(values).any(axis=0))
    if not len(known):
        return None
    look = style.look(index) | ({"marker": "o", "markersize": 3.5} if len(known) < max(2, length) else {})
    if name.startswith("train/"):
        values = np.array([smooth(row) for row in values])
    late = values[:, known[known >= length // 10]].ravel()
    epochs, values = np.asarray(runs[0].history["epoch"])[known], values[:, known]
    if len(runs) == len(group):
        (line,) = axis.plot(epochs, values.mean(axis=0), label=label, **look)
        band = {"color": look["color"], "alpha": 0.14, "linewidth": 0}
        axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), **band)
        return line, late
    label += f" ({len(runs)} of {len(group)} seeds)"
    return [axis.plot(epochs, row, label=label, **look | {"linewidth": 0.8})[0] for row in values][0], late


def scale(axis, late: np.ndarray, percent: bool) -> None:
    """Keep the first steep tenth of training from flattening the rest; stretch where values crowd or span a lot."""
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


def cost(table: Table, key: str, path: Path) -> bool:
    """The headline against a cost, a point a model with its interval; only rows that have both numbers."""
    column = table.headline
    if key == ("macs" if column and column.metric.startswith("fid_") else "sample_macs"):
        return False  # the quality of samples has the price of a sample, any other that of the network
    shown = [row for row in table.rows if column and complete(row, column, key)]
    if len(shown) < 2:
        return False
    with style.drawing(path, *((4.0, 3.3) if len(shown) <= 10 else (6.2, 4.6))) as (axis,):
        axis.set_xscale("log")
        axis.margins(0.12)
        places = places_of(table)
        points = [(*point(axis, row, column, key, places[row.label]), table.names[row.label]) for row in shown]
        if column.unit == "%":
            style.stretch(axis)
        style.count_ticks(axis)
        left_out = [table.names[row.label] for row in table.rows if row not in shown]
        words = column.label + (f" ({column.unit})" if column.unit else "")
        axis.set_title(f"{words} against {TITLES[key]}")
        axis.set_xlabel(COSTS[key] + (f"\nnot shown, numbers missing: {', '.join(left_out)}" if left_out else ""))
        labels.place(axis, points)
    return True


def point(axis, row: Row, column: Column, key: str, index: int) -> tuple[float, float]:
    """Draw one model; returns where it stands."""
    quality, price = row.cells[column.key], row.cells[key].sort
    low, high = (quality.raw[f"{column.key}_ci_{end}"] for end in ("low", "high"))
    colour = style.COLOURS[index % len(style.COLOURS)]
    if low is not None:
        axis.plot([price, price], [low, high], color=colour, linewidth=1, alpha=0.5)
    axis.plot([price], [quality.sort], "o", markersize=5.5, color=colour)
    return price, quality.sort


def complete(row: Row, column: Column, key: str) -> bool:
    """Whether a row has a mean of the headline and a cost to plot."""
    return row.cells[column.key].sort is not None and bool(row.cells[key].sort)
