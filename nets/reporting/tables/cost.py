"""The columns of a model's cost: size, arithmetic, time and memory; for generators also the sampling."""

from dataclasses import replace

from nets.fidelity.passport import manner
from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.statistics import summarise
from nets.reporting.tables.passports import sampling_of
from nets.reporting.tables.rows import summary_cell
from nets.reporting.tables.table import ABSENT, Cell, Column

SIZES = [Column("parameters", "Parameters"), Column("macs", "MACs")]
TRAINING = [
    Column("seconds", "Training", "s", "lower", 1),
    Column("peak_memory_mb", "Memory", "MB", "lower", 0),
]
# Counted within the autoencoder and again on its own, because sampling uses only this part.
PART = "decoder"


def cost_columns(results: list[Result]) -> list[Column]:
    """The columns of models' cost; if one draws samples, also how it samples and what a sample costs."""
    samples = any(sampling_of(result) for result in results)
    sampling = [Column("sampling", "Sampling", words=True), Column("sample_macs", "MACs per sample")] if samples else []
    return [*sampling, *(replace(column) for column in (*SIZES, *TRAINING))]


def cost_cells(group: list[Result], holes: dict[int, str]) -> dict[str, Cell]:
    """The cells of all cost columns for a model's results."""
    cells = sampling_cells(group)
    for column in SIZES:
        counted: dict[str, float] = next((each for result in group if (each := result.manifest.get(column.key))), {})
        names = sorted(counted, key=lambda name: name != "generator")
        sizes = {name: counted[name] for name in names if name != PART}
        raw = {f"{column.key}_{network}": value for network, value in sizes.items()}
        text = " + ".join(glossary.count(value) for value in sizes.values())
        cells[column.key] = Cell(text or ABSENT, main_size(sizes), hint=" + ".join(sizes), raw=raw)
    for column in TRAINING:
        values = {result.run.seed: result.manifest.get(column.key) for result in group}
        measured = any(value is not None for value in values.values())
        cells[column.key] = summary_cell(summarise(values, holes), column) if measured else Cell(ABSENT)
    return cells


def sampling_cells(group: list[Result]) -> dict[str, Cell]:
    """How a model samples, and the MACs per sample: those of its network times the number of steps."""
    first = next(((result, how) for result in group if (how := sampling_of(result))), None)
    if first is None:
        return {"sampling": Cell(ABSENT), "sample_macs": Cell(ABSENT)}
    result, how = first
    words = manner(how)
    sizes = result.manifest.get("macs") or {}
    macs = sizes.get(PART) or main_size(sizes)
    total = macs and macs * how["steps"]
    cost = Cell(glossary.count(total), total, raw={"sample_macs": total}) if total else Cell(ABSENT)
    return {"sampling": Cell(words, raw={"sampling": words}), "sample_macs": cost}


def main_size(sizes: dict[str, float]) -> float | None:
    """The size to compare by: the generator's, or else the sum over the model's networks."""
    return sizes.get("generator", sum(sizes.values())) if sizes else None
