"""The table of how well models do on each class."""

from collections.abc import Iterable

import numpy as np

from nets.metrics.metric import Accuracy
from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.statistics import summarise
from nets.reporting.tables.rows import of_share, rows_of, seed_notes, summary_cell
from nets.reporting.tables.table import ABSENT, Cell, Column, Note, Table

MOST = 20  # columns


def class_table(results: list[Result]) -> Table | None:
    """The metric by class (recall, IoU), with one row per model, in the order given, and one column per class.

    A class that does not occur has no number. Of many classes, those with the lowest mean are shown. None if no run has
    a metric by class.
    """
    metric = next((name for result in results for name in result.classes), None)
    if metric is None:
        return None
    values = {result.name: result.classes[metric] for result in results if metric in result.classes}
    described, names = glossary.describe(metric), results[0].class_labels(results[0].run.num_classes)
    classes = lowest(values.values(), len(names))
    columns = {
        at: Column(
            f"{metric.removeprefix('class_')}_{names[at]}",
            names[at],
            described.unit,
            described.direction,
            described.decimals,
            metric=metric,
        )
        for at in classes
    }

    def cells(group: list[Result], holes: dict[int, str]) -> dict[str, Cell]:
        return {column.key: class_cell(group, values, at, column, holes) for at, column in columns.items()}

    rows = rows_of(results, cells)
    table = f"{results[0].task}-{results[0].run.dataset}-classes"
    title = f"{described.label} of each class on {results[0].dataset_title}"
    few = f"Of {len(names)} classes, the {MOST} with the lowest mean {described.label} are shown; metrics.csv has all."
    notes = [Note("", few)] if len(classes) < len(names) else []
    return Table(table, title, list(columns.values()), rows, notes + seed_notes(rows))


def lowest(values: Iterable[list[float | None]], count: int) -> list[int]:
    """The numbers of the classes that are shown, in their order; `values` are each run's, by class."""
    if count <= MOST:
        return list(range(count))
    means = np.ma.masked_invalid(np.array([*values], float)).mean(axis=0).filled(np.inf)
    return sorted(np.argsort(means, kind="stable")[:MOST].tolist())


def class_cell(
    group: list[Result], values: dict[str, list[float | None]], at: int, column: Column, holes: dict[int, str]
) -> Cell:
    """The mean of a class's number over a model's seeds."""
    by_seed = {result.run.seed: values[result.name][at] for result in group if result.name in values}
    if by_seed and set(by_seed.values()) == {None}:
        return Cell(ABSENT, hint="This class does not occur.")
    summary = summarise({result.run.seed: by_seed.get(result.run.seed) for result in group}, holes)
    return summary_cell(summary, column, of_share(summary, images_of(group, at, column)))


def images_of(group: list[Result], at: int, column: Column) -> int | None:
    """How many test images a class has, if its number is an accuracy; None otherwise, or if unknown."""
    if not isinstance(glossary.describe(column.metric), Accuracy):
        return None
    found = (result.answers["labels"] for result in group if "labels" in result.answers)
    return next((int(np.count_nonzero(labels == at)) for labels in found), None)
