"""How steadily generators learn: how much their losses, and FID, still move in the last half of training."""

from pathlib import Path

import numpy as np

from nets.reporting import glossary
from nets.reporting.figures import style
from nets.reporting.figures.run import is_metric
from nets.reporting.results import Run, models
from nets.reporting.statistics import summarise
from nets.reporting.tables.cells import ABSENT, Cell, Column, summary_cell
from nets.reporting.tables.comparison import Row, Table, mark_best, rank

TEXT = (
    "How much each loss, and FID against validation images, moves in the last half of training around its own straight "
    "trend: standard deviations. Losses are of another kind from game to game, so compare them within one; FID "
    "compares, and its mean tells a steady success from a steady failure."
)
SPREAD, LEVEL = "_spread", "_level"  # endings of the columns' keys


def stability(runs: list[Run]) -> Table | None:
    """The table of the generators of one data set, the steadiest FID first; None where no history tells anything."""
    columns = columns_of(runs)
    if not columns:
        return None
    rows = []
    for group in models(runs).values():
        holes = {run.seed: glossary.STATUSES.get(run.status, run.status) for run in group if not run.ok}
        cells = {column.key: cell(group, column, holes) for column in columns}
        rows.append(Row(group[0].label, group, cells, not holes))
    rows.sort(key=lambda row: rank(row.cells[columns[0].key], columns[0]))
    for column in columns:
        mark_best(rows, column)
    config = runs[0].config
    title = f"Stability of training on {config['data'].get('title') or config['dataset']}"
    return Table("stability", config["dataset"], title, columns, rows, [])


def columns_of(runs: list[Run]) -> list[Column]:
    """FID's spread and level, then the spread of each loss that has one within its epochs too."""
    names = dict.fromkeys(name for run in runs if run.ok for name in run.history)
    found = []
    for name in (name for name in names if name.startswith("validation/fid")):
        label = glossary.describe(name.partition("/")[2]).label
        found += [
            Column(name + SPREAD, f"{label}, spread", direction="lower", decimals=2, metric=name),
            Column(name + LEVEL, f"{label}, mean", direction="lower", decimals=2, metric=name),
        ]
    losses = [n for n in names if n.startswith("train/") and f"{n}_std" in names and not is_metric(n)]
    found += [Column(name + SPREAD, f"{label_of(name)}, spread", metric=name) for name in losses]
    for column in found[:1]:
        column.headline = True
    return found


def label_of(name: str) -> str:
    """'Generator loss' for train/generator."""
    word = name.partition("/")[2].replace("_", " ").capitalize()
    return word if word == "Loss" else f"{word} loss"


def cell(group: list[Run], column: Column, holes: dict[int, str]) -> Cell:
    """A quantity of a model over its seeds."""
    if not any(column.metric in run.history for run in group if run.ok):
        return Cell(ABSENT, hint="This model has none." if len(holes) < len(group) else "; ".join(set(holes.values())))
    measure = level if column.key.endswith(LEVEL) else spread
    found = {run.seed: measure(run, column.metric) for run in group}
    if not holes and set(found.values()) == {None}:
        return Cell(ABSENT, hint="Its training was too short: a spread takes three epochs in the last half.")
    return summary_cell(summarise(found, holes), column)


def last_half(run: Run, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs of the last half of a run that have a number, and these."""
    epochs, values = np.asarray(run.history["epoch"]), np.asarray(run.history.get(name, ()))
    if not len(values):
        return values, values
    chosen = (epochs > epochs[-1] / 2) & np.isfinite(values)
    return epochs[chosen], values[chosen]


def level(run: Run, name: str) -> float | None:
    """The mean of a metric in the last half."""
    _, values = last_half(run, name)
    return float(values.mean()) if len(values) else None


def spread(run: Run, name: str) -> float | None:
    """The standard deviation around a straight trend: of a metric over epochs, of a loss over all steps.

    A loss's variance over the steps is that within epochs, on average, and that of their means. What has neither three
    epochs nor a variance within them has no spread.
    """
    epochs, values = last_half(run, name)
    _, within = last_half(run, f"{name}_std")
    if len(values) < 3 and not len(within):
        return None
    between = 0.0
    if len(values) > 2:
        rest = values - np.polyval(np.polyfit(epochs, values, 1), epochs)
        between = float(np.square(rest).sum() / (len(values) - 2))
    return float(np.sqrt(between + (np.square(within).mean() if len(within) else 0)))


def draw_stability(table: Table, path: Path) -> None:
    """A panel a spread, a line a model: its seeds as points, their mean as a bar."""
    columns = [column for column in table.columns if column.key.endswith(SPREAD)]
    rows = table.rows[::-1]
    size = 2.4 * len(columns) + 1.6, max(1.6, 0.24 * len(rows) + 0.8)
    with style.drawing(path, *size, columns=len(columns)) as axes:
        for axis, column in zip(axes, columns, strict=True):
            shown: list[float] = []
            for height, row in enumerate(rows):
                found = [spread(run, column.metric) for run in row.runs if run.ok]
                values = [value for value in found if value]
                shown += values
                axis.plot(values, [height] * len(values), "o", markersize=4.5, color=style.COLOURS[0], alpha=0.7)
                if row.cells[column.key].sort:
                    axis.plot([row.cells[column.key].sort], [height], "|", markersize=13, color=style.COLOURS[1])
            if shown and max(shown) > 30 * min(shown):
                axis.set_xscale("log")
            else:
                axis.set_xlim(left=0)
            axis.set_ylim(-0.6, len(rows) - 0.4)
            axis.set_title(column.label.removesuffix(", spread"))
            axis.set_yticks(
                range(len(rows)), [table.names[row.label] for row in rows] if axis is axes[0] else [""] * len(rows)
            )
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
