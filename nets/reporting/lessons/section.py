"""The lessons of a suite in a file of their own: `compare` writes it with their figures, and the page reads it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nets.files import read_json, write_json
from nets.reporting.lessons.figures import draw
from nets.reporting.lessons.outcome import described, tested
from nets.reporting.results import Result
from nets.suite.lessons import Lesson

FILE = "tables/lessons.json"


def write_lessons(lessons: Iterable[Lesson], results: Iterable[Result], folder: Path) -> None:
    """Write the outcome and the figures of the lessons whose rows are in a suite; no file if there are none."""
    found = tested(lessons, results)
    entries = [described(each) | {"figures": draw(each, folder / "figures")} for each in found]
    if entries:
        write_json(folder / FILE, {"lessons": entries})


def read_lessons(folder: Path) -> list[dict[str, Any]]:
    """What `write_lessons` wrote into a suite's folder; empty if the suite tests no lesson."""
    path = folder / FILE
    return list(read_json(path)["lessons"]) if path.exists() else []
