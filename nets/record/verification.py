"""Kept weights measured again: whether the numbers are the same, and what differs if they are not."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nets.errors import UserError
from nets.files import read_json
from nets.record.agreement import DIFFERENT, IDENTICAL, WITHIN, apart, headlines, parts, values_of
from nets.record.entries import place, read_entry
from nets.record.measured import check_description, check_files, rows
from nets.record.recorded import RECORD, result_of
from nets.reporting import glossary
from nets.reporting.measures import Measure
from nets.reporting.results import Result, load_result
from nets.suite.changes import differences, files
from nets.suite.keys import recorded
from nets.suite.paths import references_of
from nets.suite.typed import typed
from nets.trust import check_name, inside

SHOWN = 4  # numbers that are named
Measuring = Callable[[Result, Path, Path, list[str]], Mapping[str, Any]]


def verified(results: Path, name: str, measure: Measuring, record: Path = RECORD) -> tuple[bool, str]:
    """Whether the weights of a run still give its numbers, and what was found, in lines for the terminal.

    `measure` evaluates a copy of the run's folder, on prepared data and with references, and describes the machine.
    """
    try:
        first = kept(results, name)
        data = results.parent / "data" / first.run.dataset
        if not (data / "dataset.json").exists():
            raise UserError(f"{data} has no prepared data; `make fetch {typed(results)}` prepares them.")
        with TemporaryDirectory() as folder:
            copy_weights(first, copy := Path(folder, name))
            now = measure(first, copy, data, references_of(str(results), first.run))
            again = load_result(copy)
            return outcome(first, again)[0] != DIFFERENT, report(first, again, now, data, record)
    except UserError as error:
        return False, f"{name}: {error}"


def kept(results: Path, name: str) -> Result:
    """The result of a run whose files are as they were written. Raises UserError."""
    result = load_result(inside(results, "runs", check_name(name, "A run")))
    if not result.ok:
        raise UserError(f"{name} is a hole ({result.status}), so there are no weights to measure again.")
    check_description(result)
    check_files(result)
    return result


def copy_weights(result: Result, folder: Path) -> None:
    """Copy what an evaluation reads of a run's folder into another folder."""
    folder.mkdir()
    for name in ("config.json", "manifest.json", *{each["file"] for each in result.manifest["weights"].values()}):
        shutil.copy(result.folder / name, folder / name)


def outcome(first: Result, again: Result) -> tuple[str, list[str]]:
    """IDENTICAL, WITHIN or DIFFERENT, and the numbers that differ, the worst ones first."""
    if not again.ok:
        return DIFFERENT, [f"its evaluation ended as {again.status}: {again.reason}"]
    before, after = values_of(first.numbers), values_of(again.numbers)
    if before == after:
        return IDENTICAL, []
    wrong = apart(before, after, trained=False)
    changed = [measure for measure in {**before, **after} if before.get(measure) != after.get(measure)]
    shown = wrong or changed
    more = [f"and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    words = [in_words(measure, before.get(measure), after.get(measure)) for measure in shown[:SHOWN]]
    return DIFFERENT if wrong else WITHIN, words + more


def report(first: Result, again: Result, now: Mapping[str, Any], data_dir: Path, record: Path) -> str:
    """What a second measurement found: a line, then what differs in numbers, description, data, software, hardware."""
    end, numbers = outcome(first, again)
    beside = against_record(first, record)
    lines = [f"{first.name}: {end}" + (f"; {beside}" if beside else "")]
    if end != IDENTICAL:
        reasons = causes(first, again, now, data_dir)
        lines += [f"numbers: {'; '.join(numbers)}", *(reasons or ["nothing that nets records differs"])]
    return "\n  ".join(lines)


def in_words(measure: Measure, before: float | None, after: float | None) -> str:
    """A number that differs: 'test top1 94.9, now 92.3 (tolerance 0.1)'."""
    limit = glossary.describe(measure.metric).allowed
    allowed = f"{100 * limit.evaluated:g} %" if limit.relative else f"{limit.evaluated:g}"
    first, second = ("not measured" if value is None else f"{value:.8g}" for value in (before, after))
    return f"{measure.split} {measure.metric} {first}, now {second} (tolerance {allowed})"


def causes(first: Result, again: Result, now: Mapping[str, Any], data_dir: Path) -> list[str]:
    """How description, data, software and hardware differ from a run's, a line each; `now` is as in a manifest."""
    then = recorded(first.folder)
    row = rows(first.folder.parents[1]).get(first.name)
    prepared = read_json(data_dir / "dataset.json").get("hashes") or {}
    code = (notes.get("evaluate", {}).get("source", {}) for notes in (then, recorded(again.folder)))
    found = {
        "description": differences(first.description, row) if row and row != first.description else [],
        "data": files(then.get("train", {}).get("data") or prepared, prepared),
        **parts(first.manifest, now),
    }
    found["software"] = [*found["software"], *files(*code)]
    return [f"{part}: {'; '.join(clauses)}" for part, clauses in found.items() if clauses]


def against_record(result: Result, record: Path) -> str:
    """How a run's own numbers stand to its entry in the record, in a clause; empty without an entry."""
    path = place(record, result.folder.parents[1].name, result.name)
    if not path.exists():
        return ""
    entry = read_entry(path)
    if entry["description"] != read_json(result.folder / "config.json"):
        return "the record has another description"
    known = [result_of(entry, at) for at in range(len(entry["measurements"]))]
    mine = result.manifest["weights"]["last"]["sha256"]
    same = [each for each in known if each.manifest["weights"]["last"]["sha256"] == mine]
    first, trained = (same[0], False) if same else (known[0], True)
    wrong = apart(headlines(first), headlines(result, like=first), trained)
    if same:
        return "the same weights have other numbers in the record" if wrong else "as in the record"
    return f"{DIFFERENT if wrong else WITHIN} beside the record, whose weights are of another training"
