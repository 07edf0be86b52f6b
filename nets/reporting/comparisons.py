"""The models of one task on one data set, and their tables. `compare` writes the tables; the page reads them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nets.reporting.grouping import by_comparison
from nets.reporting.results import Result
from nets.reporting.tables import formats
from nets.reporting.tables.comparison import comparison_table
from nets.reporting.tables.literature import Values
from nets.reporting.tables.per_class import class_table
from nets.reporting.tables.stability import stability_table
from nets.reporting.tables.table import Table


@dataclass(frozen=True)
class Comparison:
    """The results of one task on one data set, in the suite's order, and their tables."""

    task: str
    dataset: str
    results: list[Result]
    table: Table
    classes: Table | None  # classification: recall of each class; segmentation: its IoU
    stability: Table | None  # generators: how much losses and FID still move

    @property
    def tables(self) -> list[Table]:
        """The tables that exist."""
        return [table for table in (self.table, self.classes, self.stability) if table]


def compare(results: Iterable[Result], published: Values | None = None) -> list[Comparison]:
    """Compare a suite's results by task and data set; tables show `published` values beside ours."""
    return [
        Comparison(
            task,
            dataset,
            group,
            comparison_table(group, published),
            class_table(group),
            stability_table(group) if task == "generation" else None,
        )
        for (task, dataset), group in by_comparison(results).items()
    ]


def write_tables(comparison: Comparison, folder: Path) -> None:
    """Write the tables of a comparison."""
    for table in comparison.tables:
        formats.write(table, folder)


def read_comparisons(results: Iterable[Result], folder: Path) -> list[Comparison]:
    """A suite's comparisons with the tables that `compare` wrote. Raises UserError if a main table is missing."""

    def table(name: str, group: list[Result]) -> Table | None:
        return formats.read(folder, name, group) if (folder / f"{name}.json").exists() else None

    return [
        Comparison(
            task,
            dataset,
            group,
            formats.read(folder, f"{task}-{dataset}", group),
            table(f"{task}-{dataset}-classes", group),
            table(f"stability-{dataset}", group) if task == "generation" else None,
        )
        for (task, dataset), group in by_comparison(results).items()
    ]
