"""The templates of the pages, and their filters."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from nets.reporting import glossary
from nets.reporting.page.addresses import address, comparison_file, model_file, row_of, run_file

if TYPE_CHECKING:
    from nets.reporting.tables.table import Cell, Column, Row, Table

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = TEMPLATES / "assets"  # copied into each report as they are


@cache
def environment() -> jinja2.Environment:
    """The environment of the templates: an undefined name is an error, and all text is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"duration": glossary.duration, "status": glossary.status, "address": address}
    templates.filters |= {"comparison_file": comparison_file, "model_file": model_file, "run_file": run_file}
    templates.globals |= {"row_of": row_of}
    return templates


def template(name: str) -> jinja2.Template:
    """A template by its file name."""
    return environment().get_template(name)


def table(table: "Table", reading: str, seeds: "Callable[[Row], str]", at_once: int | None = None) -> str:
    """A table as HTML: for pages of the report if `at_once` says how many rows to show before a script runs."""
    shown = {"table": table, "reading": reading, "seeds": seeds, "arrows": glossary.ARROWS, "ends": ends}
    return template("table.html.j2").render(shown | {"linked": at_once is not None, "at_once": at_once})


def ends(column: "Column", cell: "Cell") -> str:
    """The ends of a cell's interval, over seeds or of the test set alone, with a space between; empty without one."""
    kind = "test" if cell.bounds else "ci"
    low, high = (cell.raw.get(f"{column.key}_{kind}_{end}") for end in ("low", "high"))
    return "" if low is None or high is None else f"{low:.6g} {high:.6g}"
