"""The page's sections, one for each task and data set: tables as `compare` wrote them, figures, and pictures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.page.embed import Picture, comparison_pictures, run_pictures
from nets.reporting.results import Result
from nets.reporting.statistics import MCNEMAR
from nets.reporting.tables import formats
from nets.reporting.tables.best import APART, standing, test_of
from nets.reporting.tables.stability import TEXT
from nets.reporting.tables.table import Row, Table

SHOWN = 50  # the most rows of a table whose pictures are in the page: each row has some 70 kB of them


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
        return formats.html(part) if part else ""  # rendered here: the template inserts it unescaped

    return {
        "id": table.name,
        "task": comparison.task,
        "dataset": comparison.results[0].dataset_title,
        "table": table,
        "html": html(table),
        "classes": html(comparison.classes),
        "stability": comparison.stability and {"text": TEXT, "html": html(comparison.stability)},
        "pictures": comparison_pictures(comparison, results / "figures"),
        "card": card(table),
        "models": [model(table, row, first=row in table.ranked[:1]) for row in table.rows[:SHOWN]],
        "left_out": len(table.rows[SHOWN:]),
    }


class Card(NamedTuple):
    """What the head of the page says about a table: the group of the best, its numbers, and what tests say of it."""

    title: str
    value: str
    verdict: str = ""


def card(table: Table) -> Card:
    """The card of a table. Without a test it names no row, but the range of the headline."""
    headline, first, rows = table.headline, table.rows[0], table.ranked
    if headline and headline.unusable:
        return Card("Not ranked", f"{headline.label} is unusable")
    if headline is None or not rows:
        return Card("No result", headline_text(table, first))
    if len(rows) == 1:
        return Card(table.short_names[first.label], headline_text(table, first))
    group = [row for row in rows if row.cells[headline.key].best]
    shown = sorted(float(row.cells[headline.key].sort or 0) for row in group or rows)
    ends = " to ".join(glossary.number(end, headline.decimals) for end in (shown[0], shown[-1]))
    value = f"{headline.label} {ends} {headline.unit}".strip()
    if not group:
        return Card(f"{len(rows)} models", value, "no test can tell them apart")
    names = [table.short_names[row.label] for row in group]
    title = ", ".join(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"])
    told, others = [row for row in rows if standing(row) == APART], len(rows) - len(group)
    verdict = [] if len(group) == 1 else ["no test tells them apart"]
    if told:
        networks = sum(test_of(row) == MCNEMAR for row in told)
        only = f" ({networks} of them compared as single trained networks)" if networks else ""
        count = f"{len(told)} of {others}" if len(told) < others else f"all {others}"
        verdict.append(f"differs from {'the other' if others == 1 else f'{count} others'}{only}")
    return Card(title, headline_text(table, first) if len(group) == 1 else value, "; ".join(verdict))


def model(table: Table, row: Row, first: bool) -> Model:
    """A row with its pictures; `first`: it is the first of the table."""
    value = headline_text(table, row)
    for result in row.results:
        if result.ok and (pictures := run_pictures(result, first)):
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
