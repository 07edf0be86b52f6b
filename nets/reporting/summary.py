"""A suite's numbers for programs: `summary.json`, with the schema workflow/schemas/summary.schema.yaml."""

from collections.abc import Iterable, Sequence
from typing import Any

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.findings import Finding
from nets.reporting.tables.across import Across
from nets.reporting.tables.best import KEY, SEEDS
from nets.reporting.tables.literature import Values, values_beside
from nets.reporting.tables.table import Cell, Column, Row, Table
from nets.reporting.tables.verdicts import verdict

VERSION = 1  # of the format
COSTS = ("parameters", "macs", "sample_macs", "seconds", "peak_memory_mb", "latency")


def summary(
    suite: str, comparisons: Iterable[Comparison], published: Values, over: Iterable[Across], found: Iterable[Finding]
) -> dict[str, Any]:
    """The content of `summary.json`: each table's rows with means, intervals, tests and costs; ranks; findings."""
    return {
        "version": VERSION,
        "suite": suite,
        "tables": [table_of(comparison, published) for comparison in comparisons],
        "across": [across_of(each) for each in over],
        "findings": [finding.sentence for finding in found],
    }


def table_of(comparison: Comparison, published: Values) -> dict[str, Any]:
    """A table: its headline, its metrics, and its rows, the best first."""
    table, head = comparison.table, comparison.table.headline
    measured = [column for column in table.columns if column.metric]
    return {
        "table": table.name,
        "title": table.title,
        "task": comparison.task,
        "dataset": comparison.dataset,
        "headline": head and head.key,
        "metrics": {column.key: about(column) for column in measured},
        "rows": [row_of(row, table, measured, published) for row in table.rows],
    }


def about(column: Column) -> dict[str, Any]:
    """What a metric is: its name, split, unit and better direction."""
    names = ("metric", "split", "label", "unit", "direction")
    return {name: getattr(column, name) for name in names} | {"unusable": column.unusable or None}


def row_of(row: Row, table: Table, measured: Sequence[Column], published: Values) -> dict[str, Any]:
    """A row: what it is, its numbers, how it stands to the best, what it costs, and the published value beside it."""
    head = table.headline
    run = row.results[0].run
    return {
        "row": row.name,
        "label": row.label,
        "model": run.model,
        "variant": run.variant,
        "runs": [result.name for result in row.results],
        "missing": {str(result.run.seed): glossary.status(result.status) for result in row.results if not result.ok},
        "numbers": {column.key: number_of(row.cells[column.key], column) for column in measured},
        "against_best": against(row),
        "costs": {key: row.cells[key].sort for key in COSTS if key in row.cells},
        "published": beside(row, head, published) if head and not head.passport else None,
    }


def number_of(cell: Cell, column: Column) -> dict[str, Any]:
    """A mean over seeds with its intervals (low, high): Student's, the bootstrap's, and that of the test set alone."""

    def ends(kind: str) -> list[float] | None:
        low, high = (cell.raw.get(f"{column.key}_{kind}_{end}") for end in ("low", "high"))
        return None if low is None or high is None else [low, high]

    intervals = {"t": ends("ci"), "bootstrap": ends("bootstrap"), "test_set": ends("test")}
    return {"mean": cell.sort, "n": cell.raw.get(f"{column.key}_n", 0), "seeds": cell.seeds, "intervals": intervals}


def against(row: Row) -> dict[str, Any] | None:
    """How a row stands to the one with the best mean; None if the table has no tests."""
    cell = row.cells.get(KEY)
    if cell is None or f"{KEY}_group" not in cell.raw:
        return None
    names = ("group", "test", "difference", "test_n", "p", "p_holm")
    seeds = row.cells[SEEDS].sort if SEEDS in row.cells else None
    return {name: cell.raw.get(f"{KEY}_{name}") for name in names} | {"seeds_to_tell": seeds}


def beside(row: Row, head: Column, published: Values) -> dict[str, Any] | None:
    """The published value that is compared with the headline, and the verdict."""
    if not (values := values_beside(row, head, published)):
        return None
    return {"value": values[0].value, "source": values[0].source, "verdict": verdict(row, head, values) or None}


def across_of(across: Across) -> dict[str, Any]:
    """Mean ranks over data sets, with the tests."""
    found, rows = across.found, across.table.rows
    return {
        "table": across.table.name,
        "task": across.task,
        "datasets": [column.key for column in across.table.columns[1:]],
        "ranks": [
            {"label": row.label, "rank": rank, "runs": [result.name for result in row.results]}
            for row, rank in zip(rows, found.mean, strict=True)
        ],
        "friedman": found.friedman,
        "p": found.p,
        "critical_difference": found.critical,
        "groups": [[rows[at].label for at in group] for group in across.groups],
    }
