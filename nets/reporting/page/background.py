"""The pages behind the numbers: how fidelity was measured, the data sets, the glossary, comparing rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nets.fidelity.passport import facts, reason
from nets.files import read_json
from nets.reporting import glossary
from nets.reporting.page.page import Page, Suite
from nets.reporting.page.pictures import Pictures
from nets.reporting.page.runs import extractor_details
from nets.reporting.results import Result
from nets.reporting.tables.passports import Passport, passports_of
from nets.trust import inside

GROUP = "Behind the numbers"


def pages(suite: Suite, _: Pictures) -> Iterator[Page]:
    """The page on which rows are compared, and those that say how the numbers were made."""
    results = suite.results
    yield Page("compare.html", "Compare", "compare.html.j2", dict, "This suite")
    passports, missing = list(passports_of(results).values()), unmeasured(results)
    if passports or missing:
        yield Page(
            "fidelity.html",
            "How fidelity was measured",
            "fidelity.html.j2",
            lambda: {
                "passports": [passport_card(passport) for passport in passports],
                "unmeasured": missing,
                "extractors": [extractor_details(result) for result in results if result.run.purpose == "extractor"],
            },
            GROUP,
        )
    entries = datasets(suite.folder.parent / "data", results)
    yield Page("data.html", "Data sets", "data.html.j2", lambda: {"datasets": entries}, GROUP)
    yield Page(
        "glossary.html",
        "Glossary",
        "glossary.html.j2",
        lambda: {"metrics": metrics(results), "qualifiers": qualifiers(results)},
        GROUP,
    )


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
