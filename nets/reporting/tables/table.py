"""Tables: columns, rows and cells. JSON keeps a table without loss."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from nets.errors import UserError
from nets.reporting.results import Result

ABSENT = "–"


@dataclass
class Cell:
    """A row's entry in a column: text, the number to sort by, and raw numbers for the CSV."""

    text: str
    sort: float | None = None
    interval: str = ""  # over seeds, as text: "± 0.18", or "+0.05 −0.18" where the metric's range ends
    bounds: str = ""  # of a single seed: the interval of the test set alone, as text
    hint: str = ""  # why there is no number
    best: bool = False  # whether a test found the row in the group of the best (see `tables.best`)
    raw: dict[str, Any] = field(default_factory=dict)
    seeds: dict[str, float] = field(default_factory=dict)  # the value of each seed


@dataclass
class Column:
    """A column; `key` is unique in its table and starts the names of its columns in the CSV."""

    key: str
    label: str
    unit: str = ""
    direction: str = "none"
    decimals: int | None = None  # None: four significant digits
    minor: bool = False  # of less interest: the page folds it away
    headline: bool = False  # rows are sorted by it
    metric: str = ""
    split: str = ""
    passport: str = ""  # digest
    indicative: bool = False
    unusable: str = ""  # why its numbers rank nothing; see `tables.usability`
    marks: str = ""  # letters of the notes
    words: bool = False  # sentences, not numbers
    source: str = ""  # where published numbers come from


class Note(NamedTuple):
    """A note under a table, and the letter by which columns refer to it; empty for a note on the whole table."""

    mark: str
    text: str


@dataclass
class Row:
    """A model and variant with the results of all its seeds, and its cells by column key."""

    label: str
    results: list[Result]  # empty for a row of the scale
    cells: dict[str, Cell]

    @property
    def name(self) -> str:
        """`<model>-<dataset>[-<variant>]`; empty for a row of the scale."""
        return self.results[0].name.rpartition("-s")[0] if self.results else ""

    @property
    def whole(self) -> bool:
        """Whether every seed has a result."""
        return all(result.ok for result in self.results)


def short_names(rows: Iterable[Row]) -> dict[str, str]:
    """Names of rows in figures and sentences, by label: without settings, unless two names would be the same."""
    names = {row.label: row.results[0].short_label for row in rows}
    used = list(names.values())
    return {label: name if used.count(name) == 1 else label for label, name in names.items()}


@dataclass
class Table:
    """A table of models. `name` is the stem of its files; rows of `scale` are not models (see `tables.scale`)."""

    name: str
    title: str
    columns: list[Column]
    rows: list[Row]
    notes: list[Note] = field(default_factory=list)
    scale: list[Row] = field(default_factory=list)

    @property
    def headline(self) -> Column | None:
        """The column by which rows are sorted; None if every run is a hole."""
        return next((column for column in self.columns if column.headline), None)

    @property
    def ranked(self) -> list[Row]:
        """The rows with a number in the headline, in order; empty if that is unusable."""
        key = self.headline.key if self.headline and not self.headline.unusable else None
        return [row for row in self.rows if key and row.cells[key].sort is not None]

    @cached_property
    def short_names(self) -> dict[str, str]:
        """`short_names` of its rows."""
        return short_names(self.rows)

    def to_json(self) -> str:
        """The table as JSON, with its results by name."""
        rows = {
            kind: [
                {"name": row.name, "label": row.label, "runs": [result.name for result in row.results]}
                | {"cells": {key: asdict(cell) for key, cell in row.cells.items()}}
                for row in getattr(self, kind)
            ]
            for kind in ("rows", "scale")
        }
        table = {"name": self.name, "title": self.title, "columns": [asdict(column) for column in self.columns]}
        return json.dumps(table | rows | {"notes": self.notes}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, content: dict[str, Any], results: Iterable[Result]) -> "Table":
        """The table from its parsed JSON and the results that it names. Raises UserError if one is missing."""
        by_name = {result.name: result for result in results}

        def rows_of(kind: str) -> list[Row]:
            return [
                Row(
                    row["label"],
                    [by_name[name] for name in row["runs"]],
                    {key: Cell(**cell) for key, cell in row["cells"].items()},
                )
                for row in content[kind]
            ]

        try:
            columns, notes = [Column(**column) for column in content["columns"]], [Note(*n) for n in content["notes"]]
            return cls(content["name"], content["title"], columns, rows_of("rows"), notes, rows_of("scale"))
        except (KeyError, TypeError):
            raise UserError(f"{content.get('name')}.json belongs to other runs; run nets.jobs.compare again.") from None
