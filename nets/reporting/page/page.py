"""The report: one HTML file with everything in it, which opens without a network."""

import datetime
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nets.fidelity.passport import facts, reason
from nets.reporting import glossary
from nets.reporting.page import render
from nets.reporting.page.details import run_details
from nets.reporting.page.embed import comparison_pictures, run_pictures
from nets.reporting.results import Run, benchmark, load_runs, read_json
from nets.reporting.tables import formats, passports
from nets.reporting.tables.comparison import Row, Table, comparison
from nets.reporting.tables.per_class import class_table
from nets.reporting.tables.stability import TEXT, stability
from nets.suite.published import Key, Published


def page(results: Path, names: Path, base: Path, published: dict[Key, list[Published]] | None = None) -> str:
    """The page of a suite's runs; links to run folders are relative to `base`, where the page will lie."""
    runs = load_runs(results, names)
    sections = [section(results, group, published) for group in benchmark(runs).values()]
    link = Path(os.path.relpath(results.resolve() / "runs", base.resolve())).as_posix()
    return render.template("report.html.j2").render(
        suite=results.resolve().name,
        overview=overview(runs),
        tasks=by_task(sections),
        holes=[run for run in runs if not run.ok],
        statuses=glossary.STATUSES,
        passports=[passport(key, known) for key, known in passports.collect(runs).items()],
        unmeasured=unmeasured(runs),
        extractors=[run_details(run) for run in runs if run.config["purpose"] == "extractor"],
        datasets=datasets(results.parent / "data", runs),
        metrics=metrics(runs),
        qualifiers=qualifiers(runs),
        runs=[run_details(run) for run in runs],
        link=link,
        reading=formats.READING,
    )


def section(results: Path, runs: list[Run], published: dict[Key, list[Published]] | None) -> dict[str, Any]:
    """What the page shows of one task on one data set."""
    table = comparison(runs, published)
    classes = class_table(runs) if table.task == "segmentation" else None
    steady = stability(runs) if table.task == "generation" else None
    return {
        "id": f"{table.task}-{table.dataset}",
        "table": table,
        "html": formats.html(table),
        "dataset": runs[0].config["data"].get("title") or table.dataset,
        "pictures": comparison_pictures(results / "figures", table.task, table.dataset),
        "classes": formats.html(classes) if classes else "",
        "stability": steady and {"text": TEXT, "html": formats.html(steady)},
        "models": [model(table, row, best=row is table.rows[0]) for row in table.rows],
    }


def model(table: Table, row: Row, best: bool) -> dict[str, Any]:
    """One model's pictures, from its first seed that has any."""
    for run in row.runs:
        if run.ok and (pictures := run_pictures(run, best)):
            return {"row": row, "run": run, "pictures": pictures, "value": headline_text(table, row)}
    return {"row": row, "run": None, "pictures": [], "value": headline_text(table, row)}


def headline_text(table: Table, row: Row) -> str:
    """A row's headline for people: 'Top-1 97.46 ± 0.18 %'; of several passports the one that it has."""
    at = table.headline
    columns = [c for c in table.columns if at and (c.metric, c.split) == (at.metric, at.split)]
    for column in columns:
        if row.cells[column.key].sort is not None:
            unit = f" {column.unit}" if column.unit else ""
            return f"{column.label} {formats.text(row.cells[column.key])}{unit}"
    return row.cells[columns[0].key].text if columns else formats.status(row)


def by_task(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sections under the headings of their tasks, in the order in which the tasks come."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in sections:
        found.setdefault(each["table"].task, []).append(each)
    return [
        {"name": task, "title": glossary.task_title(task), "text": glossary.TASKS.get(task, ("", ""))[1], "sections": s}
        for task, s in found.items()
    ]


def overview(runs: list[Run]) -> dict[str, Any]:
    """What the head of the page says."""
    started = [m["started"] for run in runs if (m := run.manifest).get("started")]
    newest = datetime.datetime.fromisoformat(max(started, key=datetime.datetime.fromisoformat)) if started else None
    machines = distinct(
        " and ".join(filter(None, [h.get("cpu"), h.get("gpu")]))
        for run in runs if (h := run.manifest.get("hardware"))
    )  # fmt: skip
    return {
        "newest": f"{newest.day} {newest:%B %Y, %H:%M} {newest.tzname() or ''}".strip() if newest else "–",
        "revisions": distinct(short(run.manifest.get("revision") or "unknown") for run in runs),
        "machines": machines,
        "devices": distinct(run.manifest.get("device") for run in runs),
        "torch": distinct((run.manifest.get("packages") or {}).get("torch") for run in runs),
        "runs": len(runs),
        "seconds": sum(run.manifest.get("seconds") or 0 for run in runs),
    }


def short(revision: str) -> str:
    """The start of a revision, with the '+' of one that was changed."""
    return revision[:12] + ("+" if revision[12:].endswith("+") else "")


def distinct(values: Iterable[Any]) -> list[str]:
    """Values without repetition or nothing, in the order in which they come."""
    return list(dict.fromkeys(str(value) for value in values if value))


def passport(digest: str, known: dict[str, Any]) -> dict[str, Any]:
    """A passport with the words for it."""
    return known | {
        "digest": digest,
        "facts": facts(known["passport"]),
        "reason": reason(known["passport"]),
        "labels": [glossary.describe(metric).label for metric in known["metrics"]],
    }


def unmeasured(runs: list[Run]) -> list[tuple[str, str]]:
    """(metric, reason) of each number that could not be had."""
    found = [(e["metric"], e.get("reason") or "") for run in runs for e in run.numbers if e["value"] is None]
    return [(glossary.describe(metric).label, reason) for metric, reason in dict.fromkeys(found)]


def datasets(folder: Path, runs: list[Run]) -> list[dict[str, Any]]:
    """Each data set: its prepared description, and the catalogue's entry for what that does not say."""
    entries = {run.config["dataset"]: run.config["data"] for run in runs}
    found = []
    for name, entry in entries.items():
        path = folder / name / "dataset.json"
        found.append(entry | (read_json(path) if path.exists() else {}) | {"name": name})
    return found


def metrics(runs: list[Run]) -> list[dict[str, Any]]:
    """The glossary of the metrics that occur."""
    directions = {glossary.parts(e["metric"])[0]: e["direction"] for run in runs for e in run.numbers}
    names = sorted(directions, key=glossary.order)
    return [{"metric": glossary.describe(name), "direction": directions[name], "name": name} for name in names]


def qualifiers(runs: list[Run]) -> dict[str, str]:
    """The words behind metrics' names that occur, and what they mean."""
    used = {word for run in runs for e in run.numbers for word in glossary.parts(e["metric"])[1]}
    return {word: text for word, text in glossary.QUALIFIER_TEXTS.items() if word in used}
