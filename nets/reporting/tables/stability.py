"""How steadily generators learn: how much their losses, and FID, still move in the last half of training."""

import numpy as np

from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.statistics import summarise
from nets.reporting.tables.rows import notes_by_reason, rank, rows_of, seed_notes, summary_cell
from nets.reporting.tables.table import ABSENT, Cell, Column, Table
from nets.reporting.tables.usability import unusable_curves

TEXT = (
    "The standard deviation of each loss, and of FID against validation images, around its linear trend in the last "
    "half of training. Losses mean different things in different models, so compare them only where the loss is the "
    "same. FID compares everywhere, and its mean tells a steady success from a steady failure."
)
SPREAD, LEVEL = "_spread", "_level"  # suffixes of the columns' keys


def stability_table(results: list[Result]) -> Table | None:
    """The table of the generators of one data set, sorted by FID's spread; None if no history has the columns."""
    columns = columns_of(results)
    if not columns:
        return None

    def cells(group: list[Result], holes: dict[int, str]) -> dict[str, Cell]:
        return {column.key: stability_cell(group, column, holes) for column in columns}

    rows = rows_of(results, cells)
    rank(rows, columns[0])
    title = f"Stability of training on {results[0].dataset_title}"
    notes = notes_by_reason([(c, c.unusable) for c in columns if c.unusable], "unusable and not ranked")
    return Table(f"stability-{results[0].run.dataset}", title, columns, rows, notes + seed_notes(rows))


def columns_of(results: list[Result]) -> list[Column]:
    """FID's spread and level, then the spread of each loss that was also recorded within epochs."""
    names = dict.fromkeys(name for result in results if result.ok for name in result.history)
    columns, reasons = [], unusable_curves(results)
    for name in (name for name in names if name.startswith("validation/fid")):
        metric = name.partition("/")[2]
        label, bad = glossary.describe(metric).label, reasons.get(metric, "")
        columns += [
            Column(name + suffix, f"{label}, {word}", "", "lower", 2, metric=name, unusable=bad)
            for suffix, word in ((SPREAD, "spread"), (LEVEL, "mean"))
        ]
    losses = [n for n in names if n.startswith("train/") and f"{n}_std" in names and not glossary.is_metric(n)]
    columns += [Column(name + SPREAD, f"{glossary.loss_label(name)}, spread", metric=name) for name in losses]
    for column in columns[:1]:
        column.headline = True
    return columns


def stability_cell(group: list[Result], column: Column, holes: dict[int, str]) -> Cell:
    """The mean of a spread or level over a model's seeds."""
    if not any(column.metric in result.history for result in group if result.ok):
        reasons = "; ".join(dict.fromkeys(holes.values()))
        return Cell(ABSENT, hint=reasons if len(holes) == len(group) else "This model does not record it.")
    measure = level if column.key.endswith(LEVEL) else spread
    values = {result.run.seed: measure(result, column.metric) for result in group}
    if not holes and set(values.values()) == {None}:
        return Cell(ABSENT, hint="Training was too short: a spread needs three epochs in the last half.")
    return summary_cell(summarise(values, holes), column)


def last_half(result: Result, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The epochs in the last half of training that have a number, and the numbers."""
    epochs, values = np.asarray(result.history["epoch"]), np.asarray(result.history.get(name, ()))
    if not len(values):
        return values, values
    chosen = (epochs > epochs[-1] / 2) & np.isfinite(values)
    return epochs[chosen], values[chosen]


def level(result: Result, name: str) -> float | None:
    """The mean of a metric in the last half of training."""
    _, values = last_half(result, name)
    return float(values.mean()) if len(values) else None


def spread(result: Result, name: str) -> float | None:
    """The standard deviation around a linear trend: of a metric over epochs, of a loss over all steps.

    A loss's variance over steps is the mean variance within epochs plus the variance of the epochs' means. None if
    there are fewer than three epochs and no variance within them.
    """
    epochs, values = last_half(result, name)
    _, within = last_half(result, f"{name}_std")
    if len(values) < 3 and not len(within):
        return None
    between = 0.0
    if len(values) > 2:
        rest = values - np.polyval(np.polyfit(epochs, values, 1), epochs)
        between = float(np.square(rest).sum() / (len(values) - 2))
    return float(np.sqrt(between + (np.square(within).mean() if len(within) else 0)))
