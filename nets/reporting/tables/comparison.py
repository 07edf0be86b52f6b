"""Comparison tables: for each task and data set a row a model, with statistics over its seeds."""

from dataclasses import dataclass, field
from functools import cached_property

from nets.fidelity.passport import sentence
from nets.reporting import glossary
from nets.reporting.results import Run, family, models
from nets.reporting.tables import passports
from nets.reporting.tables.cells import (
    ABSENT,
    SIZES,
    UNMEASURED,
    Cell,
    Column,
    cost_cells,
    cost_columns,
    metric_cell,
    metric_columns,
)
from nets.reporting.tables.literature import (
    EXPLANATION,
    explanation,
    measures,
    note,
    published_cells,
    published_columns,
    reported,
)
from nets.reporting.tables.scales import scales
from nets.suite.published import Key, Published


@dataclass
class Row:
    """A model and variant with the runs of all its seeds, and its cells by column key; no runs: a row of the scale."""

    label: str
    runs: list[Run]
    cells: dict[str, Cell]
    whole: bool  # no seed is a hole


@dataclass
class Table:
    """A comparison on one task and data set; `scale` rows are no models.

    `notes` are (letter, text), without a letter those that no column bears.
    """

    task: str
    dataset: str
    title: str
    columns: list[Column]
    rows: list[Row]
    notes: list[tuple[str, str]]
    scale: list[Row] = field(default_factory=list)

    @property
    def headline(self) -> Column | None:
        """The column by which models are ranked; None where every run is a hole."""
        return next((column for column in self.columns if column.headline), None)

    @cached_property
    def names(self) -> dict[str, str]:
        """What figures call each row, by its label: without the settings, unless two are alike then."""
        short = [row.runs[0].short_label for row in self.rows]
        return {
            row.label: name if short.count(name) == 1 else row.label for row, name in zip(self.rows, short, strict=True)
        }


def comparison(runs: list[Run], published: dict[Key, list[Published]] | None = None) -> Table:
    """The table of runs that share a task and a data set. Best first; models with holes last.

    Where `published` has values of some of them, they stand between what was measured and what it cost, and a column
    of another split than the headline's is there if it has some.
    """
    config, published = runs[0].config, published or {}
    measured, cost = metric_columns(runs, measures(runs, published)), cost_columns(runs)
    rows = []
    for group in models(runs).values():
        holes = {run.seed: glossary.STATUSES.get(run.status, run.status) for run in group if not run.ok}
        cells = {column.key: metric_cell(group, column, holes) for column in measured}
        cells |= cost_cells(group, holes)
        rows.append(Row(group[0].label, group, cells, not holes))
    measured, unmeasured = had(rows, measured)
    columns = measured + add_published(rows, measured, published) + cost
    if measured:
        rows.sort(key=lambda row: rank(row.cells[measured[0].key], measured[0]))
    for column in measured:
        mark_best(rows, column)
    task = family(config)
    title = f"{glossary.task_title(task)} on {config['data'].get('title') or config['dataset']}"
    scale = [Row(label, [], cells, True) for label, cells in scales(runs, columns).items()]
    return Table(task, config["dataset"], title, columns, rows, notes(runs, rows, columns) + unmeasured, scale)


def had(rows: list[Row], measured: list[Column]) -> tuple[list[Column], list[tuple[str, str]]]:
    """The columns that hold a number or a gap of a run, and of the others a note on why nobody has one.

    The headline stays: without it a table would not show what it is about.
    """
    kept, missing = [], {}
    for column in measured:
        cells = [row.cells[column.key] for row in rows]
        reasons = [cell.hint for cell in cells if cell.text == UNMEASURED]
        if column.headline or not reasons or any(cell.text not in (UNMEASURED, ABSENT) for cell in cells):
            kept.append(column)
        else:
            missing.setdefault(reasons[0], []).append(column.label)
    return kept, [("", f"{', '.join(labels)}: not measured. {reason}") for reason, labels in missing.items()]


def add_published(rows: list[Row], measured: list[Column], published: dict[Key, list[Published]]) -> list[Column]:
    """Put the cells of published values into the rows; returns their columns, or none if there is no value.

    Numbers with a passport are left out: those of others have another, or none.
    """
    columns: list[Column] = []
    compared: list[list[tuple[Column, list[Published]]]] = [[] for _ in rows]
    for column in measured:
        found = [reported(row.runs[0], column.metric, column.split, published) for row in rows]
        if column.passport or not any(found):
            continue
        beside = published_columns(column)
        beside[0].source = ". ".join(
            note(row.label, values, column) for row, values in zip(rows, found, strict=True) if values
        )
        columns += beside
        for row, values, known in zip(rows, found, compared, strict=True):
            row.cells |= published_cells(row.cells[column.key], column, values)
            known.append((column, values))
    if not columns:
        return []
    for row, known in zip(rows, compared, strict=True):
        row.cells[EXPLANATION] = explanation(row.runs[0], known, row.cells)
    return [*columns, Column(EXPLANATION, "What explains it", words=True)]


def rank(cell: Cell, column: Column) -> tuple[bool, float]:
    """Sorts rows best first; those without a number keep their order at the end."""
    sign = -1 if column.direction == "higher" else 1
    return cell.sort is None, 0.0 if cell.sort is None else sign * cell.sort


def mark_best(rows: list[Row], column: Column) -> None:
    """Mark the best complete mean of a column, where there are two to compare and one direction is better."""
    cells = [row.cells[column.key] for row in rows if row.cells[column.key].sort is not None]
    if len(cells) > 1 and column.direction != "none":
        best = (max if column.direction == "higher" else min)(cell.sort for cell in cells)
        for cell in cells:
            cell.best = cell.sort == best


def notes(runs: list[Run], rows: list[Row], columns: list[Column]) -> list[tuple[str, str]]:
    """The notes under a table; letters are put on the columns that they belong to."""
    by_digest = {key: known["passport"] for key, known in passports.collect(runs).items()}
    found: dict[str, str] = {}

    def add(column: Column, text: str) -> None:
        letter = found.setdefault(text, chr(ord("a") + len(found)))
        column.marks += letter if letter not in column.marks else ""

    for column in columns:
        if column.source:
            add(column, f"{column.label}, the first compared with ours: {column.source}.")
        if column.passport:
            add(column, sentence(by_digest[column.passport]))
        for row in rows:
            if row.cells[column.key].text == UNMEASURED:
                add(column, f"Not measured: {row.cells[column.key].hint}")
            if column.key in SIZES and "+" in row.cells[column.key].hint:
                add(column, f"Counted apart: {row.cells[column.key].hint}.")
            if column.key == "seconds":
                for run in row.runs:
                    add(column, machine(run))
    return [(letter, text) for text, letter in found.items()]


def machine(run: Run) -> str:
    """Where a run's time and memory were measured."""
    hardware, threads = run.manifest.get("hardware") or {}, run.manifest.get("threads")
    device = run.manifest.get("device") or "cpu"
    name = hardware.get("gpu" if str(device).startswith("cuda") else "cpu") or device
    threads = f", {threads} thread{'s' if threads != 1 else ''}" if threads and device == "cpu" else ""
    return f"Time measured on {name}{threads}."
