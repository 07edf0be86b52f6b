"""The report: one HTML file that contains everything and opens without a network."""

import datetime
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nets.fidelity.passport import facts, reason
from nets.files import read_json
from nets.reporting import glossary
from nets.reporting.comparisons import read_comparisons
from nets.reporting.page import render
from nets.reporting.page.details import extractor_details, run_details
from nets.reporting.page.lessons import lessons_section
from nets.reporting.page.sections import by_task, section
from nets.reporting.results import Result, load_results
from nets.reporting.tables import formats
from nets.reporting.tables.passports import Passport, passports_of
from nets.trust import inside


def page(folder: Path, names: Path, base: Path) -> str:
    """The page of a suite, from its folder. Links to run folders are relative to `base`, the folder of the page.

    Raises UserError if a table or a run's file is missing.
    """
    results = load_results(folder, names)
    comparisons = read_comparisons(results, folder / "tables")
    link = Path(os.path.relpath(folder.resolve() / "runs", base.resolve())).as_posix()
    return render.template("report.html.j2").render(
        suite=folder.resolve().name,
        overview=overview(results),
        tasks=by_task([section(folder, comparison) for comparison in comparisons]),
        lessons=lessons_section(folder),
        holes=[result for result in results if not result.ok],
        passports=[passport_card(passport) for passport in passports_of(results).values()],
        unmeasured=unmeasured(results),
        extractors=[extractor_details(result) for result in results if result.run.purpose == "extractor"],
        datasets=datasets(folder.parent / "data", results),
        metrics=metrics(results),
        qualifiers=qualifiers(results),
        runs=[run_details(result) for result in results],
        link=link,
        reading=formats.READING,
    )


def overview(results: list[Result]) -> dict[str, Any]:
    """The facts at the head of the page."""
    started = [m["started"] for result in results if (m := result.manifest).get("started")]
    newest = datetime.datetime.fromisoformat(max(started, key=datetime.datetime.fromisoformat)) if started else None
    machines = distinct(
        " and ".join(filter(None, [h.get("cpu"), h.get("gpu")]))
        for result in results if (h := result.manifest.get("hardware"))
    )  # fmt: skip
    return {
        "newest": f"{newest.day} {newest:%B %Y, %H:%M} {newest.tzname() or ''}".strip() if newest else "–",
        "revisions": distinct(short(result.manifest.get("revision") or "unknown") for result in results),
        "machines": machines,
        "devices": distinct(result.manifest.get("device") for result in results),
        "torch": distinct((result.manifest.get("packages") or {}).get("torch") for result in results),
        "runs": len(results),
        "seconds": sum(result.manifest.get("seconds") or 0 for result in results),
    }


def short(revision: str) -> str:
    """The start of a revision, with the '+' of a changed working tree."""
    return revision[:12] + ("+" if revision[12:].endswith("+") else "")


def distinct(values: Iterable[Any]) -> list[str]:
    """Values in the order given, without duplicates and empty ones."""
    return list(dict.fromkeys(str(value) for value in values if value))


def passport_card(passport: Passport) -> dict[str, Any]:
    """A passport (how fidelity numbers were measured), in words."""
    return {
        "digest": passport.digest,
        "indicative": passport.content.get("indicative"),
        "reason": reason(passport.content),
        "labels": [glossary.describe(metric).label for metric in passport.metrics],
        "datasets": passport.datasets,
        "facts": facts(passport.content),
    }


def unmeasured(results: list[Result]) -> list[tuple[str, str]]:
    """(metric, reason) of each number that could not be measured."""
    missing = [(n.metric, n.reason) for result in results for n in result.numbers if n.value is None]
    return [(glossary.describe(metric).label, reason) for metric, reason in dict.fromkeys(missing)]


def datasets(folder: Path, results: list[Result]) -> list[dict[str, Any]]:
    """Each data set: its catalogue entry, with its prepared description on top."""
    entries = {result.run.dataset: result.run.data for result in results}
    prepared = {name: inside(folder, name, "dataset.json") for name in entries}
    return [
        entry
        | (info := read_json(prepared[name]) if prepared[name].exists() else {})
        | {"name": name, "findings": findings(info)}
        for name, entry in entries.items()
    ]


def findings(info: dict[str, Any]) -> dict[str, str]:
    """What preparation has found, in words by title; `info` is a `dataset.json`, {} if there is none."""
    if not info.get("look"):
        return {}
    source, pixels = info["source"], info["class_pixels"]["train"]
    counts, found = pixels or info["class_counts"]["train"] or [], {}
    if sum(counts):
        names = info["classes"] if isinstance(info["classes"], list) else range(len(counts))
        ends = (f"{100 * end / sum(counts):.1f} % ({names[counts.index(end)]})" for end in (min(counts), max(counts)))
        found["class shares"] = f"{' to '.join(ends)} of the training {'pixels' if pixels else 'images'}"
    found["look at the data"] = " ".join(info["look"]["notes"]) or "nothing to note"
    found["changed on reading"] = "; ".join(f"{what} in {count:,} files" for what, count in source["changed"].items())
    found["files skipped"] = "; ".join(
        f"{row['files']:,} in {row['folder']}, {row['why']}" + (f", such as {row['example']}" if row["example"] else "")
        for row in source["passed_by"]
    )
    return {title: text for title, text in found.items() if text}


def metrics(results: list[Result]) -> list[dict[str, Any]]:
    """The glossary of the metrics that occur."""
    directions = {glossary.parts(n.metric)[0]: n.direction for result in results for n in result.numbers}
    names = sorted(directions, key=glossary.order)
    return [{"metric": glossary.describe(name), "direction": directions[name], "name": name} for name in names]


def qualifiers(results: list[Result]) -> dict[str, str]:
    """The qualifiers of metrics that occur, such as 'in-domain', and what they mean."""
    used = {word for result in results for n in result.numbers for word in glossary.parts(n.metric)[1]}
    return {word: text for word, text in glossary.QUALIFIER_TEXTS.items() if word in used}
