"""The page's sections, one for each task and data set: tables as `compare` wrote them, figures, and pictures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.page.embed import Picture, comparison_pictures, run_pictures
from nets.reporting.results import Result
from nets.reporting.tables import formats
from nets.reporting.tables.stability import TEXT
from nets.reporting.tables.table import Row, Table


@dataclass(frozen=True)
class Model:
    """A row of the table, its headline in words, and the pictures of the first seed that has any."""

    row: Row
    value: str
    result: Result | None = None
    pictures: list[Picture] = field(default_factory=list)


def section(results: Path, comparison: Comparison) -> dict[str, Any]:
    """The section of a comparison; `results` is the suite's folder."""
    table = comparison.table

    def html(part: Table | None) -> str:
        return formats.html(part) if part else ""  # not what a file holds: the page takes it as it is

    return {
        "id": table.name,
        "task": comparison.task,
        "dataset": comparison.results[0].dataset_title,
        "table": table,
        "html": html(table),
        "classes": html(comparison.classes),
        "stability": comparison.stability and {"text": TEXT, "html": html(comparison.stability)},
        "pictures": comparison_pictures(comparison, results / "figures"),
        "models": [model(table, row, best=row is table.rows[0]) for row in table.rows],
    }


def model(table: Table, row: Row, best: bool) -> Model:
    """A row with its pictures; `best`: it leads the table."""
    value = headline_text(table, row)
    for result in row.results:
        if result.ok and (pictures := run_pictures(result, best)):
            return Model(row, value, result, pictures)
    return Model(row, value)


def headline_text(table: Table, row: Row) -> str:
    """A row's headline in words, from the first passport that has one: 'Top-1 97.46 ± 0.18 %'."""
    headline = table.headline
    columns = [c for c in table.columns if headline and (c.metric, c.split) == (headline.metric, headline.split)]
    for column in columns:
        if row.cells[column.key].sort is not None:
            unit = f" {column.unit}" if column.unit else ""
            return f"{column.label} {formats.text(row.cells[column.key])}{unit}"
    return row.cells[columns[0].key].text if columns else formats.status(row)


def by_task(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sections grouped by task, in the order in which the tasks occur."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in sections:
        groups.setdefault(each["task"], []).append(each)
    return [
        {"name": task, "title": glossary.task_title(task), "text": glossary.TASKS.get(task, ("", ""))[1], "sections": s}
        for task, s in groups.items()
    ]
