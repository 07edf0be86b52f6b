"""The scale: rows under a table's models with the fidelity numbers of images of known quality."""

from typing import Any

from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.tables.passports import passports_of
from nets.reporting.tables.table import ABSENT, Cell, Column, Row


def scale_rows(results: list[Result], columns: list[Column]) -> list[Row]:
    """Rows for real images and for noise, from the extractors' `reference.json`.

    A number is only in columns with a passport for the same counts of images.
    """
    rows: dict[str, Row] = {}
    counts = {key: passport.counts for key, passport in passports_of(results).items()}
    for entry in read_scale(results):
        samples, reference, values = entry["samples"], entry["reference"], entry["metrics"]
        filled = [c for c in columns if c.metric in values and counts.get(c.passport) == (samples, reference)]
        if not filled:
            continue  # such as in a table of classifiers
        label = f"{entry['title'].capitalize()} ({samples:,} and {reference:,})"
        row = rows.setdefault(label, Row(label, [], {column.key: Cell(ABSENT) for column in columns}))
        for column in filled:
            value = values[column.metric]
            text = glossary.number(value, column.decimals)
            row.cells[column.key] = Cell(text, value, raw={f"{column.key}_mean": value})
    return list(rows.values())


def read_scale(results: list[Result]) -> list[dict[str, Any]]:
    """The scale of the results' data set; empty without generators."""
    return next((scale for result in results if (scale := result.scale)), [])
