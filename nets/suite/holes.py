"""The holes of a suite: runs without a result, data sets and weights that are missing. Lists them, or forgets them so
that they are tried again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nets.errors import retry
from nets.run import read_names
from nets.suite.typed import typed
from nets.trust import inside


@dataclass(frozen=True)
class Note:
    """The file in which a stage notes how it ended: `manifest.json`, `metrics.json`, `dataset.json` and the like."""

    path: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Note":
        """Read a file; a damaged one gets the status "damaged"."""
        try:
            return cls(path, {"status": "damaged"} | json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, RecursionError, IsADirectoryError):
            return cls(path, {"status": "damaged"})

    @property
    def name(self) -> str:
        """The name of the run, data set or weights."""
        return self.path.stem if self.path.parent.name == "weights" else self.path.parent.name

    @property
    def status(self) -> str:
        """Its status: "ok", or why there is a hole, such as "diverged"."""
        return self.content["status"]

    @property
    def reason(self) -> str:
        """Why it is a hole, in one sentence."""
        return self.content.get("reason") or f"its note is damaged; {retry()}"


def forget(results: Path) -> list[str]:
    """Delete the notes of all holes of a suite (runs, extractors, data sets, weights); returns their names."""
    names = unlink([*results.glob("runs/*/manifest.json"), *results.glob("fidelity/*/reference.json")])
    names += forget_fetched(results)
    for note in map(Note.read, results.glob("runs/*/metrics.json")):
        # Snakemake looks at what a file was made from only if the file is gone.
        if note.status != "ok" or any(metric["value"] is None for metric in note.content.get("metrics", [])):
            note.path.unlink()
    return names


def forget_fetched(results: Path) -> list[str]:
    """Delete the notes of missing data sets and weights, which suites share; returns their names."""
    return unlink([*results.parent.glob("data/*/dataset.json"), *results.parent.glob("weights/*.json")])


def unlink(paths: Iterable[Path]) -> list[str]:
    """Delete the notes of holes and the damaged notes; returns their names."""
    holes = [note for note in map(Note.read, paths) if note.status != "ok"]
    for note in holes:
        note.path.unlink()
    return [note.name for note in holes]


def supplies(paths: Iterable[Path]) -> str:
    """One line for each data set and each set of weights, and how many are missing."""
    notes = [Note.read(path) for path in paths]
    width = max((len(note.name) for note in notes), default=0)
    lines = [f"{note.name:{width}}  {'here' if note.status == 'ok' else note.reason}" for note in notes]
    missing = sum(note.status != "ok" for note in notes)
    return "\n".join([*lines, f"{missing} of {len(notes)} are missing." if missing else "Nothing is missing."])


def summary(results: Path) -> str:
    """One line for every run of a suite that is a hole, and one for the report."""
    names = read_names(results / "runs.txt")
    notes = [Note.read(inside(results, "runs", name, "metrics.json")) for name in names]
    lines = [f"  {note.name}  {note.status}: {note.reason}" for note in notes if note.status != "ok"]
    if lines:
        lines = [
            f"{len(lines)} of {len(names)} runs are holes; make run RETRY=1 {typed(results)} tries them again:",
            *lines,
        ]
    return "\n".join([*lines, f"The report: {results}/report.html"])
