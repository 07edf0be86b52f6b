"""The data of charts and comparisons, as scripts: a page may load a script, but no data, from the disk beside it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nets.fidelity.passport import digest
from nets.files import naming
from nets.metrics.metric import stem
from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.figures import style
from nets.reporting.page.addresses import comparison_file, row_of
from nets.reporting.page.differing import Images
from nets.reporting.page.page import Suite
from nets.reporting.page.pictures import Pictures
from nets.reporting.results import Result
from nets.reporting.tables import formats
from nets.reporting.tables.best import KEY, difference
from nets.reporting.tables.table import Column, Row, Table

POINTS = 240  # the most points of a curve; history.csv has all
PAIRS = 60  # the most rows of a table of which each is tested against each other one
NO_SETTINGS = ("name", "title", "row", "overridden", "data", "purpose")  # parts of a description that say no more


def write(suite: Suite, pictures: Pictures, folder: Path) -> None:
    """Write `data/index.js`, and a script for each comparison and each run."""
    target = folder / "data"
    target.mkdir()
    script(target / "index.js", "index", index(suite))
    for comparison in suite.comparisons:
        images = Images(suite.folder.parent / "data", comparison)
        images.draw(folder / "pictures" / f"{comparison.table.name}.webp")
        script(target / f"{comparison.table.name}.js", "table", table_data(comparison, images))
    for result in suite.results:
        script(target / f"run-{result.name}.js", "run", run_data(result, pictures))


def script(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write a script that hands its content to the page."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with naming(path):
        path.write_text(f'nets.take("{kind}",{text});\n', encoding="utf-8")


def index(suite: Suite) -> dict[str, Any]:
    """What all charts share: colours, the runs by name, and the tables that hold each row."""
    tables: dict[str, list[str]] = {}
    for comparison in suite.comparisons:
        for row in comparison.table.rows:
            tables.setdefault(row.name, []).append(comparison.table.name)
    return {
        "colours": style.COLOURS,
        "dark": [style.DARK[colour] for colour in style.COLOURS],
        "tables": tables,
        "runs": {r.name: [row_of(r), r.label, r.run.seed, r.status] for r in suite.results},
    }


def run_data(result: Result, pictures: Pictures) -> dict[str, Any]:
    """What charts and comparisons read of a run."""
    right = result.right
    return {
        "name": result.name,
        "label": result.label,
        "dataset": result.dataset_title,
        "seed": result.run.seed,
        "status": glossary.status(result.status),
        "reason": result.reason,
        "history": history(result),
        "titles": {name: title(name) for name in result.history if name not in ("epoch", "step", "seconds")},
        "watched": watched(result),
        "settings": settings(result),
        "pictures": [[each.kind, each.source, each.alt] for each in pictures.of_run(result)],
        "right": right and [right[0][:16], "".join("01"[int(answer)] for answer in right[1])],
    }


def history(result: Result) -> dict[str, list[float | None]]:
    """The columns of a history, at most `POINTS` of each, with six digits; without those of spreads."""
    columns = {name: values for name, values in result.history.items() if not name.endswith("_std")}
    length = len(columns.get("epoch", ()))
    chosen = sorted({round(i * (length - 1) / max(min(POINTS, length) - 1, 1)) for i in range(min(POINTS, length))})
    return {name: [number(values[i]) for i in chosen] for name, values in columns.items()}


def number(value: float) -> float | None:
    """A number with six digits; None for one that JSON lacks."""
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def title(name: str) -> str:
    """'Top-1 (%), validation' for a column of a history."""
    kind, _, metric = name.partition("/")
    if kind == "lr":
        return f"Learning rate, {metric}"
    entry = glossary.describe(metric)
    label = entry.label if glossary.is_metric(name) else glossary.loss_label(name)
    return label + (f" ({entry.unit})" if entry.unit else "") + f", {kind.replace('train', 'training')}"


def watched(result: Result) -> str:
    """The column of a history that a chart shows first: the headline on validation data, or the first there is."""
    wanted = f"validation/{stem(result.headline.metric)}" if result.headline else ""
    names = [name for name in result.history if name.startswith(("validation/", "train/"))]
    measured = [name for name in names if name.startswith("validation/") and glossary.is_metric(name)]
    return wanted if wanted in names else next(iter([*measured, *names]), "")


def settings(result: Result) -> dict[str, str]:
    """The settings of a run that may differ from those of another, by key, and where it was trained."""
    parts = {key: value for key, value in result.description.items() if key not in NO_SETTINGS}
    manifest, hardware = result.manifest, result.manifest.get("hardware") or {}
    made = {"revision": manifest.get("revision"), "device": manifest.get("device"), "cpu": hardware.get("cpu")}
    made |= {"gpu": hardware.get("gpu"), "torch": (manifest.get("packages") or {}).get("torch")}
    made |= {"threads": manifest.get("threads"), "number type": manifest.get("precision")}
    return dict(flat(parts)) | {f"made on: {key}": str(value) for key, value in made.items() if value}


def flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a nested dictionary, by the keys that lead to them."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from flat(part, f"{key}.{name}" if key else name)
    elif value not in (None, "", {}):
        yield key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def table_data(comparison: Comparison, images: Images) -> dict[str, Any]:
    """What comparisons read of a table: columns, rows, tests of pairs, and images that are answered differently."""
    table = comparison.table
    shown = [column for column in table.columns if not column.words and not column.key.startswith(KEY)]
    return {
        "name": table.name,
        "title": table.title,
        "file": comparison_file(table.name),
        "columns": [
            {"key": c.key, "label": c.label, "unit": c.unit, "direction": c.direction, "decimals": c.decimals}
            | {"minor": c.minor, "headline": c.headline}
            for c in shown
        ],
        "rows": {
            row.name: {
                "label": row.label,
                "runs": [result.name for result in row.results],
                "cells": {c.key: cell for c in shown if (cell := cell_data(row, c))},
            }
            for row in table.rows
        },
        "tests": tests(table),
        "images": images.described(),
    }  # fmt: skip


def cell_data(row: Row, column: Column) -> list[Any] | None:
    """A cell's text, its number, and the number of each seed, also where a seed is missing and there is no mean.

    None if it has neither. A number that is the same for all seeds, as a size, has none for each.
    """
    cell = row.cells.get(column.key)
    if cell is None:
        return None
    wanted = column.metric, column.split, column.passport
    seeds = cell.seeds or {
        str(result.run.seed): number.value
        for result in row.results
        if result.ok
        for number in result.numbers
        if number.value is not None and (number.metric, number.split, digest(number.passport)) == wanted
    }
    return None if cell.sort is None and not seeds else [formats.text(cell), cell.sort, seeds]


def tests(table: Table) -> dict[str, list[Any]]:
    """The test of each pair of rows, by their names: the test, its n, the difference, and p, uncorrected."""
    headline, rows = table.headline, table.ranked[:PAIRS]
    if headline is None:
        return {}
    found: dict[str, list[Any]] = {}
    for place, first in enumerate(rows):
        for second in rows[place + 1 :]:
            if each := difference(first, second, headline):
                found[pair(first, second)] = [each.test, each.n, number(each.value), number(each.p)]
    return found


def pair(first: Row, second: Row) -> str:
    """The name of a pair of rows."""
    return f"{first.name} {second.name}"
