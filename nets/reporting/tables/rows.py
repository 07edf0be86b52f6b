"""Makes rows, ranks them, marks the best, and makes the cell of a mean over seeds."""

from collections.abc import Callable, Iterable

from nets.reporting import glossary
from nets.reporting.grouping import by_model
from nets.reporting.results import Result
from nets.reporting.statistics import Summary
from nets.reporting.tables.table import Cell, Column, Row


def rows_of(results: Iterable[Result], cells: Callable[[list[Result], dict[int, str]], dict[str, Cell]]) -> list[Row]:
    """One row per model; `cells` makes its cells from its results and the status of its holes by seed.

    If several rows would have one label, their names in the suite's table follow it.
    """
    groups, rows = by_model(results), []
    labels = [group[0].label for group in groups.values()]
    for key, group in groups.items():
        holes = {result.run.seed: glossary.status(result.status) for result in group if not result.ok}
        label = group[0].label
        label = label if labels.count(label) == 1 else f"{label} [{'-'.join(filter(None, key))}]"
        rows.append(Row(label, group, cells(group, holes)))
    return rows


def rank(rows: list[Row], column: Column) -> None:
    """Sort rows by a column, best first; those without a number keep their order at the end."""
    sign = -1 if column.direction == "higher" else 1

    def key(row: Row) -> tuple[bool, float]:
        value = row.cells[column.key].sort
        return value is None, 0.0 if value is None else sign * value

    rows.sort(key=key)


def mark_best(rows: list[Row], columns: list[Column]) -> None:
    """Mark the best mean of each column, if there are two to compare and one direction is better."""
    for column in columns:
        cells = [row.cells[column.key] for row in rows]
        values = [cell.sort for cell in cells if cell.sort is not None]
        if len(values) > 1 and column.direction != "none":
            best = (max if column.direction == "higher" else min)(values)
            for cell in cells:
                cell.best = cell.sort == best


def summary_cell(summary: Summary, column: Column) -> Cell:
    """A cell with a mean and its interval, or with what is missing."""
    mean, half = summary.mean, summary.half
    raw: dict[str, float | None] = {"mean": mean, "ci_low": None, "ci_high": None, "n": summary.n}
    if mean is not None and half is not None:
        raw |= {"ci_low": mean - half, "ci_high": mean + half}
    raw = {f"{column.key}_{name}": value for name, value in raw.items()}
    if mean is None:
        short = f"{summary.n} of {summary.expected}"
        return Cell(summary.gaps if column.headline else short, hint=summary.gaps, raw=raw)
    interval = "" if half is None else glossary.number(half, column.decimals)
    return Cell(glossary.number(mean, column.decimals), mean, interval, raw=raw)
