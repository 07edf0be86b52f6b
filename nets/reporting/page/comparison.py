"""The page of a task and data set: its table, charts, and the pictures of its models side by side."""

import json
from collections.abc import Iterator
from math import log
from typing import Any, NamedTuple

from markupsafe import Markup

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.page import render
from nets.reporting.page.addresses import comparison_file
from nets.reporting.page.overview import by_rule, card, headline_text
from nets.reporting.page.page import Page, Suite
from nets.reporting.page.pictures import Picture, Pictures
from nets.reporting.results import Result
from nets.reporting.tables import formats
from nets.reporting.tables.stability import TEXT
from nets.reporting.tables.table import Row, Table

AT_ONCE = 100  # rows of a table that a page shows before its script knows which ones are wanted
GALLERY = 50  # the most models whose pictures stand side by side
SIDE_BY_SIDE = ("reconstruction", "generation", "segmentation")  # tasks whose networks make images


class Exhibit(NamedTuple):
    """A model of the gallery: its row, its headline in words, the run whose picture is shown, and the picture.

    `place`: see the function.
    """

    row: Row
    value: str
    result: Result
    picture: Picture
    place: float | None


def pages(suite: Suite, pictures: Pictures) -> Iterator[Page]:
    """A page for each comparison."""
    for each in suite.comparisons:
        yield Page(
            comparison_file(each.table.name),
            each.results[0].dataset_title,
            "comparison.html.j2",
            lambda each=each: content(each, suite, pictures),  # type: ignore[misc]
            glossary.task_title(each.task),
        )


def content(comparison: Comparison, suite: Suite, pictures: Pictures) -> dict[str, Any]:
    """What fills the page of a comparison."""
    table = comparison.table
    return {
        "task": comparison.task,
        "heading": f"{glossary.task_title(comparison.task)} on {comparison.results[0].dataset_title}",
        "text": glossary.TASKS.get(comparison.task, ("", ""))[1],
        "table": table,
        "html": html(table),
        "classes": html(comparison.classes),
        "stability": comparison.stability and {"text": TEXT, "html": html(comparison.stability)},
        "pictures": pictures.of_comparison(comparison),
        "card": card(table),
        "rules": by_rule(suite, table.name),
        "exhibits": list(gallery(comparison, pictures)),
        "most": GALLERY,
        "curves": json.dumps(curves(table)),
    }


def html(table: Table | None) -> Markup:
    """A table as a part of a page, with links to its pages; empty if there is none."""
    if table is None:
        return Markup()
    return Markup(render.table(table, formats.READING, formats.seeds, AT_ONCE))


def curves(table: Table) -> list[dict[str, Any]]:
    """The rows whose learning curves a chart may show: their names, and the runs of all seeds, if all have a result."""
    return [
        {
            "row": row.name,
            "label": table.short_names[row.label],
            "runs": [result.name for result in row.results if result.ok],
            "seeds": len(row.results),
        }
        for row in table.rows
        if any(result.ok for result in row.results)
    ]


def place(table: Table, row: Row) -> float | None:
    """Where a generator's headline is between its floor, real images, and its ceiling, noise: 0..1; None without both.

    The scale is logarithmic, since a distance ten times as large is not ten times as bad to look at.
    """
    headline = table.headline
    scale = [] if headline is None else [cell.sort for each in table.scale if (cell := each.cells.get(headline.key))]
    ends = sorted(value for value in scale if value is not None and value > 0)
    value = row.cells[headline.key].sort if headline else None
    if len(ends) < 2 or ends[0] == ends[-1] or not value or (headline and headline.unusable):
        return None
    return min(1.0, max(0.0, log(value / ends[0]) / log(ends[-1] / ends[0])))


def gallery(comparison: Comparison, pictures: Pictures) -> Iterator[Exhibit]:
    """The most telling picture of each of the first models, of the first seed that has one."""
    if comparison.task in SIDE_BY_SIDE:
        for row in comparison.table.rows[:GALLERY]:
            for result in row.results:
                if result.ok and (found := pictures.of_run(result)):
                    value = headline_text(comparison.table, row)
                    yield Exhibit(row, value, result, found[0], place(comparison.table, row))
                    break
