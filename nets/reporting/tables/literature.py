"""The columns of values that papers and repositories published, beside ours."""

from collections.abc import Mapping, Sequence

from nets.metrics.metric import CHOSEN, LEAKED, stem
from nets.reporting import glossary
from nets.reporting.measures import Measure
from nets.reporting.results import Result
from nets.reporting.tables.table import ABSENT, Cell, Column, Row
from nets.run import Run
from nets.suite.published import Key, Published

Values = dict[Key, list[Published]]
EXPLANATION = "explanation"


def reported_measures(results: Sequence[Result], published: Values) -> set[Measure]:
    """The metrics and splits with a published value for any of these results."""
    measures = {Measure(metric, split) for *_, metric, split in published}
    return {measure for measure in measures if any(reported(result.run, measure, published) for result in results)}


def reported(run: Run, measure: Measure, published: Values) -> list[Published]:
    """The values published for a run's model on its data set; the first is compared with ours.

    A variant (a row of the same model and data set with other settings) has its own values or none, with one exception:
    pretrained weights that are only evaluated have the plain model's.
    """
    if own := published.get((f"{run.model}-{run.variant}", run.dataset, *measure)):
        return own
    if transferred(run) or (run.variant and not run.pretrained):
        return []
    return published.get((run.model, run.dataset, *measure), [])


def values_beside(row: Row, column: Column, published: Values, holds: bool = True) -> list[Published]:
    """The published values that stand beside a row's number; the first is compared with ours.

    Those whose epoch was chosen by test images stand beside ours of that kind, where that was measured. `holds`:
    whether the others stand in this column.
    """
    name, run = stem(column.metric), row.results[0].run
    if own := reported(run, Measure(column.metric, column.split), published) if column.metric != name else []:
        return own
    repeated = row.cells.get(name + LEAKED, Cell(ABSENT)).sort is not None
    values = reported(run, Measure(name, column.split), published)
    leaked = [value for value in values if repeated and "selection" in value.differs]
    if column.metric == name + LEAKED:
        return leaked
    return [value for value in values if value not in leaked] if holds else []


def holders(columns: Sequence[Column]) -> list[bool]:
    """Which columns published values stand in: of two that differ in the weights, the one with the headline's."""
    names, chosen = (
        {column.metric for column in columns},
        any(c.headline and c.metric.endswith(CHOSEN) for c in columns),
    )
    pairs = [stem(column.metric) + CHOSEN in names for column in columns]
    return [not two or c.metric.endswith(CHOSEN) == chosen for two, c in zip(pairs, columns, strict=True)]


def transferred(run: Run) -> bool:
    """Whether a run trains on from pretrained weights; with `evaluate_only` it trains nothing."""
    return bool(run.pretrained) and run.recipe.options.get("transfer") != "evaluate_only"


def add_published(rows: list[Row], measured: list[Column], published: Values) -> list[Column]:
    """Add the cells of published values to the rows; returns their columns, or none if there is no value.

    Columns with a passport (how a number was measured) are left out: published numbers have another passport, or none.
    """
    columns: list[Column] = []
    compared: list[list[tuple[Column, list[Published]]]] = [[] for _ in rows]
    for column, holds in zip(measured, holders(measured), strict=True):
        by_row = [values_beside(row, column, published, holds) for row in rows]
        if column.passport or not any(by_row):
            continue
        beside = published_columns(column)
        notes = [note(row.label, values, column) for row, values in zip(rows, by_row, strict=True) if values]
        beside[0].source = ". ".join(notes)
        columns += beside
        for row, values, pairs in zip(rows, by_row, compared, strict=True):
            row.cells |= published_cells(row.cells[column.key], column, values)
            pairs.append((column, values))
    if not columns:
        return []
    for row, pairs in zip(rows, compared, strict=True):
        row.cells[EXPLANATION] = explanation(row.results[0], pairs, row.cells)
    return [*columns, Column(EXPLANATION, "Explanation", words=True)]


def published_columns(measured: Column) -> list[Column]:
    """The published value of a measured column, and ours minus it. The headline's two do not repeat its name."""
    key, name = ("", "") if measured.headline else (f"{measured.key}_", f" {measured.label}")
    return [
        Column(key + word, word.capitalize() + name, measured.unit, decimals=measured.decimals, minor=measured.minor)
        for word in ("published", "difference")
    ]


def published_cells(ours: Cell, measured: Column, values: Sequence[Published]) -> dict[str, Cell]:
    """A row's cells for `published_columns`."""
    value_key, difference_key = (column.key for column in published_columns(measured))
    if not values:
        return {value_key: Cell(ABSENT), difference_key: Cell(ABSENT)}
    first = values[0]
    number = glossary.number(first.value, measured.decimals)
    raw = {value_key: first.value, f"{value_key}_source": first.source}
    cells = {value_key: Cell(number, first.value, hint=first.source, raw=raw), difference_key: Cell(ABSENT)}
    if ours.sort is not None and first.verified:
        difference = ours.sort - first.value
        text = ("+" if difference > 0 else "") + glossary.number(difference, measured.decimals)
        cells[difference_key] = Cell(text, difference, raw={difference_key: difference})
    return cells


def explanation(
    result: Result, compared: Sequence[tuple[Column, Sequence[Published]]], cells: Mapping[str, Cell]
) -> Cell:
    """Why ours differs: what the row changes, a copy of the data, then the published reasons that fit the difference.

    Each reason appears once; a reason for another metric than the headline names its column. Values that are not
    verified are not explained. `result` is any of the row's seeds, and `cells` are the row's.
    """
    if not any(values for _, values in compared):
        return Cell(ABSENT)
    reasons = {reason: reason for reason in [*changes(result.run), *copied(result)]}
    for column, values in compared:
        difference = cells[published_columns(column)[1].key].sort
        better = (difference > 0) == (column.direction == "higher") if difference else None
        for reason in values[0].reasons(better) if values and values[0].verified else ():
            reasons.setdefault(reason, reason if column.headline else f"{column.label}: {reason}")
    why = "; ".join(reasons.values())
    return Cell(why or ABSENT, raw={EXPLANATION: why})


def copied(result: Result) -> list[str]:
    """Whether a run learned from a copy of its data set (such as JPEG files) instead of the published, hashed files."""
    published = any("sha256" in source for source in result.run.data["sources"])
    copy = not result.manifest.get("data", {}).get("canonical", True)
    return ["images from a copy of the data set, not from the published files"] if published and copy else []


def changes(run: Run) -> list[str]:
    """What the row changes in its model and recipe, in words: '12 of 200 epochs', 'width 0.25'."""
    words = []
    arguments = {key: value for network in run.networks.values() for key, value in network.args.items()}
    for key, old in run.overridden.items():
        if key == "epochs":
            epochs = run.recipe.epochs
            words.append(f"{epochs} of {old} epochs" if epochs < old else f"{epochs} epochs, not {old}")
        elif key.startswith("model."):
            name = key.removeprefix("model.")
            words.append(f"{name.replace('_', ' ')} {arguments[name]}")
        elif key != "schedule.milestones":  # milestones follow from the epochs
            first, *rest = key.split(".")
            value = getattr(run.recipe, first)
            for part in rest:
                value = value[part]
            words.append(f"{key.replace('_', ' ')} {plain(value)}" + (f", not {plain(old)}" if old is not None else ""))
    return words


def plain(value: object) -> str:
    """A value as people write it."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def note(label: str, values: Sequence[Published], headline: Column) -> str:
    """The sources of a model's published values: 'ResNet-20: 91.25 (He et al.), 92.60 (…)'."""
    words = []
    for each in values:
        number = glossary.number(each.value, headline.decimals)
        doubt = "" if each.verified else f"{each.checked}: not compared"
        words.append(f"{number} ({'; '.join(filter(None, [each.source, each.note, doubt]))})")
    return f"{label}: {', '.join(words)}"
