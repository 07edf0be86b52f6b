"""The page of a run: everything that its numbers rest on."""

import json
from collections.abc import Collection, Iterator
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

from nets.fidelity.passport import digest, manner
from nets.files import read_json
from nets.metrics.metric import CHOSEN, stem
from nets.reporting import glossary
from nets.reporting.measures import Measure, Number
from nets.reporting.page.addresses import comparison_file, run_file
from nets.reporting.page.page import Page, Suite
from nets.reporting.page.pictures import Pictures, confusion_fits
from nets.reporting.results import Result
from nets.reporting.tables.passports import sampling_of
from nets.run import chosen_weights

ROWS = 25  # the most rows of a history that are shown; history.csv has all
LAST = 15  # the lines that are shown of the end of a log


def pages(suite: Suite, pictures: Pictures) -> Iterator[Page]:
    """A list of the runs, one of the holes if there are any, and a page for each run."""
    holes = [result for result in suite.results if not result.ok]
    listed = {"results": suite.results, "headline": headline}
    yield Page("runs.html", "Runs", "runs.html.j2", lambda: listed, "This suite", len(suite.results))
    if holes:
        yield Page("holes.html", "Holes", "holes.html.j2", lambda: {"holes": holes}, "This suite", len(holes))
    siblings: dict[tuple[str, str, str], list[Result]] = {}
    for result in suite.results:
        siblings.setdefault((result.run.model, result.run.dataset, result.run.variant), []).append(result)
    tables = {view.name: [] for view in suite.results}  # type: dict[str, list[tuple[str, str]]]
    for comparison in suite.comparisons:
        for view in comparison.results:
            tables[view.name].append((comparison_file(comparison.table.name), comparison.table.title))
    for result in suite.results:
        seeds = siblings[result.run.model, result.run.dataset, result.run.variant]
        yield Page(
            run_file(result.name),
            result.name,
            "run.html.j2",
            lambda result=result, seeds=seeds: (
                run_details(result)  # type: ignore[misc]
                | {"seeds": seeds, "tables": tables[result.name]}
                | {
                    "pictures": pictures.of_run(result),
                    "frames": pictures.frames(result),
                    "elsewhere": pictures.elsewhere(result),
                }
            ),
        )


class History(NamedTuple):
    """An extract of a history: its columns, some rows as text, and the number of all rows."""

    columns: list[str]
    rows: list[list[str]]
    all: int


def run_details(result: Result) -> dict[str, Any]:
    """A run's numbers, facts, weights, history and description."""
    return {
        "result": result,
        "headline": headline(result),
        "numbers": [number_row(number, {each.metric for each in result.numbers}) for number in result.numbers],
        "facts": facts(result),
        "differences": differences(result),
        "log": log_end(result.folder),
        "confusion": confusion(result),
        "weights": result.manifest.get("weights") or {},
        "history": history(result),
        "config": json.dumps(result.description, indent=1, ensure_ascii=False),
    }


def extractor_details(result: Result) -> dict[str, Any]:
    """A classifier that measures generators: the headline and the hash of the weights that are used."""
    best = "best" in (result.manifest.get("weights") or {})
    return {
        "result": result,
        "headline": (headline(result, CHOSEN) if best else "") or headline(result),
        "weights": chosen_weights(result.manifest),
    }


def headline(result: Result, suffix: str = "") -> str:
    """The headline of one run: 'Top-1 97.46 %'; empty for a hole. `suffix`: of other weights, such as CHOSEN."""
    measure = result.headline
    wanted = measure and Measure(stem(measure.metric) + suffix if suffix else measure.metric, measure.split)
    for number in result.numbers:
        if number.value is not None and number.measure == wanted:
            metric = glossary.describe(number.metric)
            return f"{metric.label} {glossary.number(number.value, metric.decimals)} {metric.unit}".strip()
    return ""


def number_row(number: Number, measured: Collection[str]) -> dict[str, Any]:
    """One number of a run as the page shows it; `measured` are the names of all its metrics."""
    metric, value = glossary.describe(number.metric), number.value
    text = "not measured" if value is None else f"{glossary.number(value, metric.decimals)} {metric.unit}"
    return {
        "label": metric.label + (" last epoch" if number.metric + CHOSEN in measured else ""),
        "split": number.split,
        "text": text.strip(),
        "exact": "" if value is None else str(value),
        "reason": number.reason,
        "passport": digest(number.passport),
    }


def facts(result: Result) -> dict[str, str]:
    """The facts of the manifest, in words; missing ones are left out."""
    m = result.manifest
    path = result.folder / "timing.json"
    timing = read_json(path)["seconds_per_sample"] if path.exists() else None
    hardware, packages = m.get("hardware") or {}, m.get("packages") or {}
    values = {
        "seed": result.run.seed,
        "started": m.get("started"),
        "training time": m.get("seconds") and glossary.duration(m["seconds"]),
        "images per second": m.get("images_per_second") and f"{m['images_per_second']:,.0f}",
        "peak memory": m.get("peak_memory_mb") and f"{m['peak_memory_mb']:.0f} MB",
        "epochs and steps": m.get("epochs") and f"{m['epochs']} and {m.get('steps')}",
        "continued after a stop": m.get("resumed") and f"{m['resumed']} times",
        "sampling": (how := sampling_of(result)) and manner(how),
        "time per sample": timing and f"{1000 * timing:.3g} ms, in batches",
        "parameters": sizes(m.get("parameters")),
        "MACs per image": sizes(m.get("macs")),
        "device": ", ".join(str(m[key]) for key in ("device", "precision") if m.get(key)),
        "hardware": ", ".join(str(hardware[key]) for key in ("cpu", "gpu") if hardware.get(key)),
        "threads": m.get("threads"),
        "revision": m.get("revision"),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items() if version),
    }
    return {name: str(value) for name, value in values.items() if value not in (None, "", 0) or name == "seed"}


def sizes(values: dict[str, int] | None) -> str:
    """'generator 1,200,000; discriminator 600,000'."""
    return "; ".join(f"{name} {value:,}" for name, value in (values or {}).items())


def history(result: Result) -> History:
    """The columns of the history and at most `ROWS` rows, evenly spaced, the last included."""
    columns = [name for name in result.history if name == "epoch" or name.startswith(("train/", "validation/"))]
    length = len(result.history["epoch"]) if columns else 0
    chosen = sorted({round(i * (length - 1) / max(min(ROWS, length) - 1, 1)) for i in range(min(ROWS, length))})
    rows = [["" if isnan(value := result.history[c][i]) else f"{value:.5g}" for c in columns] for i in chosen]
    return History(columns, rows, length)


class Difference(NamedTuple):
    """A setting that a row of the table overrides: its key, its value in the catalogue, and that of the run."""

    key: str
    recipe: str
    run: str


def differences(result: Result) -> list[Difference]:
    """What differs from the recipe and the model's entry in the catalogue."""
    written = dict(word.split("=", 1) for word in result.run.row.get("overrides", "").split() if "=" in word)
    return [
        Difference(key, "not set" if before is None else plain(before), written.get(key, "see the description"))
        for key, before in result.run.overridden.items()
    ]


def plain(value: Any) -> str:
    """A setting as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def log_end(folder: Path) -> dict[str, str]:
    """The last lines of a run's logs that have any, by name: of training, evaluation and drawing."""
    ends = {}
    for name in ("train", "evaluate", "draw"):
        path = folder / "logs" / f"{name}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        if lines:
            ends[name] = "\n".join(lines[-LAST:])
    return ends


class Confusion(NamedTuple):
    """A confusion of classes: their names, and the counts, with shades in 0..1, by true and then by predicted class."""

    labels: list[str]
    rows: list[list[tuple[int, float]]]


def confusion(result: Result) -> Confusion | None:
    """The confusion of a classifier's classes; None if there is none, or if it has too many for a table."""
    if not confusion_fits(result):
        return None
    counts = result.arrays["confusion"].tolist()
    return Confusion(
        result.class_labels(len(counts)),
        [[(count, (count / max(sum(row), 1)) ** 0.4) for count in row] for row in counts],
    )
