"""Takes runs of a suite's results into the record."""

from pathlib import Path
from typing import Any

from nets.errors import UserError
from nets.files import atomic
from nets.record.entries import AGAIN, NEW, UNCHANGED, merged, place, read_entry, write_entry
from nets.record.measured import entry_of, names_of, rows
from nets.record.pages import pages
from nets.record.recorded import RECORD
from nets.suite.catalogues import ROOT


def publish(results: Path, name: str, record: Path = RECORD, known: dict[str, dict[str, Any]] | None = None) -> str:
    """Record a run of a suite's folder; returns in a few words what has happened to its entry. Raises UserError.

    `known`: the suite's rows, if they were read. An entry that this version of nets can't read is replaced.
    """
    new = entry_of(results, name, known)
    path = place(record, new["suite"], name)
    try:
        entry, what = merged(read_entry(path) if path.exists() else None, new)
    except UserError as error:
        entry, what = new, f"replaces an entry that can't be read ({error})"
    if what != UNCHANGED:
        write_entry(entry, record)
    return what


def publish_suite(results: Path, record: Path = RECORD) -> tuple[list[str], list[str]]:
    """Record the runs of a suite that can be; lines that say what was done, and a sentence for each of the others."""
    done: dict[str, list[str]] = {}
    refused = []
    names, known = names_of(results), rows(results)
    for name in names:
        try:
            done.setdefault(publish(results, name, record, known), []).append(name)
        except UserError as error:
            refused.append(str(error))
    left = sorted(path.stem for path in (record / results.name).glob("*.json") if path.stem not in names)
    if left:
        done["in the record, but no longer in the suite; delete what is obsolete"] = left
    usual = (NEW, UNCHANGED, AGAIN)
    return [
        f"{len(runs)} {what}" + ("" if what in usual else f": {', '.join(runs)}") for what, runs in done.items()
    ], refused


def write_pages(record: Path = RECORD, root: Path = ROOT) -> None:
    """Write the pages that are made from the record, where they have changed."""
    for name, text in pages(record, root).items():
        path = root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with atomic(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
