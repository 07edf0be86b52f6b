"""The table that compares the models of one task on one data set, with statistics over their seeds."""

from nets.fidelity.passport import sentence
from nets.metrics.metric import CHOSEN, LEAKED
from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.tables.best import against_the_best
from nets.reporting.tables.cost import SIZES, cost_cells, cost_columns
from nets.reporting.tables.literature import Values, add_published, reported_measures
from nets.reporting.tables.measured import UNMEASURED, metric_cell, metric_columns
from nets.reporting.tables.passports import passports_of
from nets.reporting.tables.rows import notes_by_reason, rank, rows_of, seed_notes
from nets.reporting.tables.scale import scale_rows
from nets.reporting.tables.table import ABSENT, Cell, Column, Note, Row, Table
from nets.run import Run

CHOICE = (
    "Numbers are of the weights that were best on validation images, which were chosen before any test image was read; "
    '"last epoch" marks those of the last weights.'
)
LEAK = (
    '"Best on test (leaks)" is the best of all epochs, chosen by the test images themselves, as many repositories '
    "print. It flatters and compares only with its like. It was measured on a repetition of the training, for rows "
    "that ask for it (options.test_every_epoch)."
)


def comparison_table(results: list[Result], published: Values | None = None) -> Table:
    """The table of results that share a task and a data set: the best mean first, models with holes last.

    Tests against the first row follow the headline. Published values are between measured values and costs. A metric on
    a split other than the headline's has a column only if a value for it is published.
    """
    published = published or {}
    measured = metric_columns(results, reported_measures(results, published))

    def cells(group: list[Result], holes: dict[int, str]) -> dict[str, Cell]:
        return {column.key: metric_cell(group, column, holes) for column in measured} | cost_cells(group, holes)

    rows = rows_of(results, cells)
    measured, unmeasured = without_unmeasured(rows, measured)
    columns = measured + add_published(rows, measured, published) + cost_columns(results)
    headline = measured[0] if measured else None
    if headline:
        rank(rows, headline)
    tested, findings = against_the_best(rows, headline)
    columns[1:1] = tested
    task, title = results[0].task, results[0].dataset_title
    chosen = [Note("", CHOICE)] if headline and headline.metric.endswith(CHOSEN) else []
    leaks = [Note("", LEAK)] if any(column.metric.endswith(LEAKED) for column in columns) else []
    return Table(
        f"{task}-{results[0].run.dataset}",
        f"{glossary.task_title(task)} on {title}",
        columns,
        rows,
        findings
        + seed_notes(rows)
        + chosen
        + leaks
        + labels_drawn(results[0].run)
        + notes_of(results, rows, columns)
        + unmeasured,
        scale_rows(results, columns),
    )


def without_unmeasured(rows: list[Row], measured: list[Column]) -> tuple[list[Column], list[Note]]:
    """Drop columns that were measured for no model; notes say why. The headline always stays."""
    kept: list[Column] = []
    dropped: list[tuple[Column, str]] = []  # with the reason
    for column in measured:
        cells = [row.cells[column.key] for row in rows]
        reasons = [cell.hint for cell in cells if cell.text == UNMEASURED]
        if column.headline or not reasons or any(cell.text not in (UNMEASURED, ABSENT) for cell in cells):
            kept.append(column)
        else:
            dropped.append((column, reasons[0]))
    return kept, notes_by_reason(dropped, "not measured")


def notes_of(results: list[Result], rows: list[Row], columns: list[Column]) -> list[Note]:
    """The notes under a table. Also marks the columns that they belong to with their letters."""
    passports = passports_of(results)
    letters: dict[str, str] = {}  # by the note's text

    def add(column: Column, text: str) -> None:
        letter = letters.setdefault(text, chr(ord("a") + len(letters)))
        column.marks += letter if letter not in column.marks else ""

    for column in columns:
        if column.source:
            add(column, f"{column.label}; the first of each model is compared with ours. {column.source}.")
        if column.unusable:
            add(column, f"Unusable and not ranked: {column.unusable}")
        if column.passport:
            add(column, sentence(passports[column.passport].content))
        for row in rows:
            hint = row.cells[column.key].hint
            if row.cells[column.key].text == UNMEASURED:
                add(column, f"Not measured: {hint}")
            if column.key in [size.key for size in SIZES] and "+" in hint:
                add(column, f"Counted separately: {hint}.")
            if column.key == "seconds":
                for result in row.results:
                    add(column, f"Time measured on {machine(result)}.")
    return [Note(letter, text) for text, letter in letters.items()] + notes_on_data(results)


def notes_on_data(results: list[Result]) -> list[Note]:
    """What `prepare` found doubtful in the data that the runs were trained on."""
    notes = [note for result in results for note in result.manifest.get("data", {}).get("notes", ())]
    return [Note("", f"About the data: {note}") for note in dict.fromkeys(notes)]


def labels_drawn(run: Run) -> list[Note]:
    """A note on which images have labels, if each seed draws them."""
    if not run.draws_labels:
        return []
    count, images = (run.data["splits"][key] for key in ("labelled", "train"))
    return [
        Note(
            "",
            f"{count} of {images} training images have labels. Each seed draws others, so an interval includes this "
            "draw. Runs with the same seed have the same labels.",
        )
    ]


def machine(result: Result) -> str:
    """The machine on which a run's time was measured, in words."""
    hardware, threads = result.manifest.get("hardware") or {}, result.manifest.get("threads")
    device = result.manifest.get("device") or "cpu"
    name = hardware.get("gpu" if str(device).startswith("cuda") else "cpu") or device
    threads = f", {threads} thread{'s' if threads != 1 else ''}" if threads and device == "cpu" else ""
    return f"{name}{threads}"
