"""A suite's numbers on a terminal: the first result when it is there, and the best rows at the end."""

from pathlib import Path
from typing import Any

from nets.files import read_json
from nets.reporting import glossary
from nets.run import Run

SHOWN = 3  # rows of a table, the best ones
HEAD = ("task", "data set", "model", "result")


def first(run: Run, words: str) -> str:
    """A table of one row: the first result of a suite, which is `words`."""
    row = (glossary.task_title(run.task), str(run.data["title"]), run.title, words)
    return "\n".join(["The first result:", *aligned([HEAD, row])])


def best(tables: Path) -> str:
    """The best rows of each table of a suite by its headline, with intervals over seeds, and how many more there are.

    `tables` is the folder that the rule `compare` writes. Empty if it has written nothing.
    """
    if not (tables / "overview.json").exists():
        return ""
    rows: list[tuple[str, ...]] = [HEAD]
    for about in read_json(tables / "overview.json")["tables"]:
        task, data = about["title"].split(" on ", 1)
        rows += [(task, data, *row) for row in rows_of(read_json(tables / f"{about['table']}.json"), about["holes"])]
    return "\n".join(aligned(rows)) if len(rows) > 1 else ""


def rows_of(table: dict[str, Any], holes: int) -> list[tuple[str, str]]:
    """Names and numbers of the best rows, then of how many others and of holes."""
    headline = next((column for column in table["columns"] if column["headline"]), None)
    if headline is None:
        return [(f"({counted(holes)}, no result)", "")]
    shown = [row for row in table["rows"] if row["cells"][headline["key"]]["sort"] is not None][:SHOWN]
    rows = []
    for row in shown:
        cell = row["cells"][headline["key"]]
        words = (headline["label"], cell["text"], cell["interval"], headline["unit"])
        rows.append((name_of(row), " ".join(filter(None, (*words, "(unusable)" * bool(headline["unusable"]))))))
    others = len(table["rows"]) - len(shown)
    more = [f"{others} more"] * bool(others) + [counted(holes)] * bool(holes)
    return rows + ([(f"({', '.join(more)})", "")] if more else [])


def name_of(row: dict[str, Any]) -> str:
    """The model's title without settings, with the row's variant."""
    variant = row["runs"][0].split("-")[2:-1]  # <model>-<dataset>[-<variant>]-s<seed>
    title = row["label"].split(" (")[0]
    return f"{title} ({variant[0].replace('_', ' ')})" if variant else title


def counted(holes: int) -> str:
    """How many runs have no result."""
    return "1 hole" if holes == 1 else f"{holes} holes"


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines in which columns begin below each other; what repeats the line above is left out."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines, above = [], ("",) * len(rows[0])
    for row in rows:
        same = [cell == old and column < 2 for column, (cell, old) in enumerate(zip(row, above, strict=True))]
        shown = ["" if same[column] and all(same[: column + 1]) else cell for column, cell in enumerate(row)]
        lines.append("  " + "  ".join(cell.ljust(width) for cell, width in zip(shown, widths, strict=True)).rstrip())
        above = row
    return lines
