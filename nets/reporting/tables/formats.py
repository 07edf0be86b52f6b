"""A table as CSV (raw numbers), Markdown, LaTeX, an HTML fragment, and JSON, which can be read back."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from nets.files import naming, read_json
from nets.reporting import glossary
from nets.reporting.page import render
from nets.reporting.results import Result
from nets.reporting.tables.table import Cell, Column, Row, Table

READING = (
    "Mean ± 95 % confidence interval (Student t) over seeds, which ends where the metric does, as at 100 %; if a seed "
    "is missing, there is no mean. The accuracy or MSE of a single seed has [low, high], the 95 % interval (Wilson, or "
    "Student t over images) of the test set alone: how far other test images could move it. That says nothing of the "
    "luck of training."
)
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the beginning of a formula
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "↑": r"$\uparrow$",
    "↓": r"$\downarrow$", "−": r"$-$", "–": "--", "×": r"$\times$", "²": r"\textsuperscript{2}",
    "\u202f": r"\,", "…": r"\dots{}", "<": "$<$", ">": "$>$", "†": r"$\dagger$",
}  # fmt: skip


def write(table: Table, folder: Path) -> None:
    """Write `<name>.{csv,md,tex,html,json}` into a folder."""
    forms = {"csv": raw, "md": markdown, "tex": latex, "html": html, "json": Table.to_json}
    for suffix, form in forms.items():
        path = folder / f"{table.name}.{suffix}"
        with naming(path):
            path.write_text(form(table), encoding="utf-8")


def read(folder: Path, name: str, results: Iterable[Result]) -> Table:
    """Read a table that `write` wrote; `results` must contain those that it names. Raises UserError."""
    return Table.from_json(read_json(folder / f"{name}.json"), results)


def heading(column: Column) -> str:
    """A column's name, unit and better direction; whether its numbers are indicative (too few images) or unusable."""
    words = [column.label, f"({column.unit})" if column.unit else "", glossary.ARROWS[column.direction]]
    words += ["indicative"] * column.indicative + ["unusable"] * bool(column.unusable)
    return " ".join(filter(None, words))


def text(cell: Cell) -> str:
    """A cell as plain text."""
    if cell.bounds:
        return f"{cell.text} [{cell.bounds}]"
    return f"{cell.text} {cell.interval}".rstrip()


def seeds(row: Row) -> str:
    """How many seeds of a row have a result: '3', or '2 of 3'."""
    good = sum(result.ok for result in row.results)
    if not row.results:
        return ""
    return str(good) if row.whole else f"{good} of {len(row.results)}"


def status(row: Row) -> str:
    """'ok', or which seeds are holes."""
    if not row.results:
        return "scale"
    holes = [result for result in row.results if not result.ok]
    return "; ".join(f"{glossary.status(result.status)}: s{result.run.seed}" for result in holes) or "ok"


def raw(table: Table) -> str:
    """CSV with full precision: mean, interval and n of each column, and the tests; missing values are empty."""
    rows = [
        {key: getattr(row.results[0].run, key) if row.results else "" for key in ("model", "variant")}
        | {"title": row.label, "status": status(row)}
        | {"n": sum(result.ok for result in row.results), "seeds": len(row.results)}
        for row in table.rows + table.scale
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    for column in table.columns:
        for row, values in zip(table.rows + table.scale, rows, strict=True):
            found = row.cells[column.key].raw if column.key in row.cells else {}
            values |= found
            names += [name for name in found if name not in names]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(plain, names))
    writer.writerows([plain(row.get(name)) for name in names] for row in rows)
    return buffer.getvalue()


def plain(value: object) -> object:
    """A cell of a CSV that no spreadsheet takes for a formula: text such as =1+1 gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def markdown(table: Table) -> str:
    """A Markdown table; the group of the best is bold."""
    head = [heading(c) + (f" [{','.join(c.marks)}]" if c.marks else "") for c in table.columns]
    lines = [f"### {escape_markdown(table.title)}", "", markdown_line(["Model", *head, "n", "Status"])]
    lines.append("|---|" + "---:|" * len(head) + "---:|---|")
    for row in table.rows + table.scale:
        cells = [markdown_cell(row.cells[column.key]) for column in table.columns]
        lines.append(markdown_line([row.label, *cells, seeds(row), status(row)]))
    notes = [f"- [{mark}] {words}" if mark else f"- {words}" for mark, words in table.notes]
    notes = [escape_markdown(note) for note in notes]
    return "\n".join([*lines, "", READING, "", *notes]) + "\n"


def markdown_line(words: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return "| " + " | ".join(map(escape_markdown, words)) + " |"


def markdown_cell(cell: Cell) -> str:
    """A cell in Markdown; in the group of the best it is bold."""
    return f"**{text(cell)}**" if cell.best else text(cell)


def escape_markdown(words: str) -> str:
    """Text for a table in Markdown, in which HTML and links to elsewhere have no meaning."""
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("](", "]\\(")
    return " ".join(words.split())


def escape(words: str) -> str:
    """Text for LaTeX."""
    return re.sub("|".join(map(re.escape, LATEX)), lambda match: LATEX[match[0]], words)


def latex(table: Table) -> str:
    """A booktabs table for a paper. To fit its width, columns of sentences and minor columns are left out."""
    columns = [column for column in table.columns if not (column.minor or column.words)]
    left_out = [column.label for column in table.columns if column.minor or column.words]
    head = [escape(heading(c)) + (rf"\textsuperscript{{{','.join(c.marks)}}}" if c.marks else "") for c in columns]
    lines = [f"% Left out for width (the CSV has all): {', '.join(left_out)}"] if left_out else []
    lines += [
        "% needs \\usepackage{booktabs,graphicx}",
        r"\begin{table}[t]", r"\centering", rf"\caption{{{escape(table.title)}. {escape(READING)}}}",
        rf"\label{{tab:{table.name}}}", r"\resizebox{\textwidth}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}rl}}", r"\toprule",
        " & ".join(["Model", *head, "$n$", "Status"]) + r" \\", r"\midrule",
    ]  # fmt: skip
    for row in table.rows + table.scale:
        cells = []
        for column in columns:
            cell = row.cells[column.key]
            cells.append(rf"\textbf{{{escape(text(cell))}}}" if cell.best else escape(text(cell)))
        lines.append(" & ".join([escape(row.label), *cells, seeds(row), escape(status(row))]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    for mark, words in table.notes:
        letter = rf"\textsuperscript{{{mark}}} " if mark else ""
        lines.append(rf"\par\footnotesize {letter}{escape(words)}")
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def html(table: Table) -> str:
    """An HTML fragment: the table with its caption and notes. Runs are links to `#run-<name>`."""
    return render.table(table, READING, seeds)
