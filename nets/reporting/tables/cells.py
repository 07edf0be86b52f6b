"""The columns and cells of comparison tables: what was measured, over seeds, and what it cost."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from nets.fidelity.passport import digest, manner
from nets.reporting import glossary
from nets.reporting.results import Run
from nets.reporting.statistics import Summary, summarise
from nets.reporting.tables import passports

ABSENT = "–"
UNMEASURED = "not measured"
SIZES = ("parameters", "macs")
PART = "decoder"  # of an autoencoder: counted in it, and apart, since it alone draws samples


@dataclass
class Cell:
    """What stands in a row and column: the text, the number to sort by, and the raw numbers for the CSV."""

    text: str
    sort: float | None = None
    half: str = ""  # the confidence interval's half, as text
    hint: str = ""  # why there is no number
    best: bool = False
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass
class Column:
    """A column; `key` is unique in its table and starts the names of its columns in the CSV."""

    key: str
    label: str
    unit: str = ""
    direction: str = "none"
    decimals: int | None = None
    minor: bool = False  # not of the first interest: the page folds it away
    headline: bool = False  # models are ranked by it
    metric: str = ""
    split: str = ""
    passport: str = ""  # digest
    indicative: bool = False
    marks: str = ""  # letters of the notes
    words: bool = False  # sentences, not numbers
    source: str = ""  # where published numbers come from


def metric_columns(runs: list[Run], also: Collection[tuple[str, str]] = ()) -> list[Column]:
    """A column for each metric of the headline's split, and for each passport of it; the headline first.

    Of other splits those of the (metric, split) in `also`, each behind the same metric of the headline's.
    """
    found: dict[tuple[str, str, str], Column] = {}
    headlines = [(run.headline["metric"], run.headline["split"]) for run in runs if run.headline]
    splits = {split for _, split in headlines}
    for run in runs:
        for entry in run.numbers:
            if entry["split"] == run.headline.get("split") or (entry["metric"], entry["split"]) in also:
                passport = entry.get("passport")
                key = (entry["metric"], entry["split"], digest(passport))
                found.setdefault(key, column_of(entry, *key, bool(passport and passport.get("indicative"))))
    with_values = {metric for metric, _, digest in found if digest}
    columns = [c for (metric, _, digest), c in found.items() if digest or metric not in with_values]
    columns.sort(key=lambda c: ((c.metric, c.split) not in headlines, glossary.order(c.metric), c.split not in splits))
    for column in columns[:1]:
        column.headline = True
    return columns


def column_of(entry: dict[str, Any], metric: str, split: str, digest: str, indicative: bool) -> Column:
    """The column of an entry of metrics.json."""
    known = glossary.describe(metric)
    key = (metric if split == "test" else f"{split}_{metric}") + (
        f"[{digest}{',indicative' if indicative else ''}]" if digest else ""
    )
    return Column(
        key,
        known.label + ("" if split == "test" else f" ({split})"),
        known.unit,
        entry["direction"],
        known.decimals,
        minor=glossary.order(metric)[0],
        metric=metric,
        split=split,
        passport=digest,
        indicative=indicative,
    )


def metric_cell(group: list[Run], column: Column, holes: dict[int, str]) -> Cell:
    """The mean of a metric over a model's seeds."""
    found: dict[int, float | None] = {run.seed: None for run in group}
    measured, reasons = False, []
    for run in group:
        for entry in run.numbers:
            if (entry["metric"], entry["split"]) == (column.metric, column.split):
                if entry["value"] is None:
                    reasons.append(entry.get("reason") or "")
                elif digest(entry.get("passport")) == column.passport:
                    found[run.seed], measured = entry["value"], True
    if reasons and not measured:
        return Cell(UNMEASURED, hint=reasons[0])
    if not measured and len(holes) < len(group):
        return Cell(ABSENT, hint="This metric is not measured for this model.")
    return summary_cell(summarise(found, holes), column)


def summary_cell(summary: Summary, column: Column) -> Cell:
    """A cell of a mean with its interval, or of what is missing."""
    mean, half = summary.mean, summary.half
    raw = {"mean": mean, "ci_low": None, "ci_high": None, "n": summary.n}
    if half is not None:
        raw |= {"ci_low": mean - half, "ci_high": mean + half}
    raw = {f"{column.key}_{name}": value for name, value in raw.items()}
    if mean is None:
        short = f"{summary.n} of {summary.expected}"
        return Cell(summary.gaps if column.headline else short, hint=summary.gaps, raw=raw)
    interval = "" if half is None else glossary.number(half, column.decimals)
    return Cell(glossary.number(mean, column.decimals), mean, interval, raw=raw)


def cost_columns(runs: list[Run]) -> list[Column]:
    """What a model costs; of what draws images, also how it draws them and what one of them costs."""
    draws = any(passports.drawn(run) for run in runs)
    return [
        *([Column("sampling", "Sampling", words=True), Column("sample_macs", "MACs a sample")] if draws else []),
        Column("parameters", "Parameters"),
        Column("macs", "MACs"),
        Column("seconds", "Training", "s", "lower", 1),
        Column("peak_memory_mb", "Memory", "MB", "lower", 0),
    ]


def cost_cells(group: list[Run], holes: dict[int, str]) -> dict[str, Cell]:
    """Size, operations, time and memory of a model's runs."""
    cells = drawing_cells(group)
    for column in cost_columns([]):
        if column.key in SIZES:
            sizes = next((s for s in (run.manifest.get(column.key) for run in group) if s), {})
            sizes = {name: sizes[name] for name in sorted(sizes, key=lambda name: name != "generator") if name != PART}
            raw = {f"{column.key}_{network}": value for network, value in sizes.items()}
            text = " + ".join(glossary.count(value) for value in sizes.values())
            cells[column.key] = Cell(text or ABSENT, main_size(sizes), hint=" + ".join(sizes), raw=raw)
        else:
            found = {run.seed: run.manifest.get(column.key) for run in group}
            known = any(value is not None for value in found.values())
            cells[column.key] = summary_cell(summarise(found, holes), column) if known else Cell(ABSENT)
    return cells


def drawing_cells(group: list[Run]) -> dict[str, Cell]:
    """How a model draws an image, and the arithmetic of it: that of its network as often as it has steps."""
    found = next(((run, how) for run in group if (how := passports.drawn(run))), None)
    if found is None:
        return {"sampling": Cell(ABSENT), "sample_macs": Cell(ABSENT)}
    run, how = found
    words = manner(how)
    sizes = run.manifest.get("macs") or {}
    macs = sizes.get(PART) or main_size(sizes)
    price = macs and macs * how["steps"]
    size = Cell(glossary.count(price), price, raw={"sample_macs": price}) if price else Cell(ABSENT)
    return {"sampling": Cell(words, raw={"sampling": words}), "sample_macs": size}


def main_size(sizes: dict[str, float]) -> float | None:
    """What a model's pictures and answers cost: the generator's size, or the sum of its networks'."""
    return sizes.get("generator", sum(sizes.values())) if sizes else None
