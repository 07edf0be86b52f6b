"""The section of the page about lessons: what `compare` found, with its figures inside."""

from pathlib import Path
from typing import Any

from nets.reporting.lessons.section import read_lessons
from nets.reporting.lessons.verdicts import WORDS
from nets.reporting.page.embed import data_uri
from nets.trust import inside


def lessons_section(results: Path) -> dict[str, Any] | None:
    """The lessons of a suite, from its folder, and how many have each verdict; None if it tests none."""
    lessons = [lesson | {"figures": embedded(lesson["figures"], results)} for lesson in read_lessons(results)]
    if not lessons:
        return None
    counts = {verdict: sum(lesson["verdict"] == verdict for lesson in lessons) for verdict in WORDS}
    return {"lessons": lessons, "counts": counts, "words": WORDS}


def embedded(figures: list[dict[str, Any]], results: Path) -> list[dict[str, Any]]:
    """Figures with their pictures as data URIs."""
    return [
        figure | {"files": [file | {"source": data_uri(place(file, results))} for file in figure["files"]]}
        for figure in figures
    ]


def place(file: dict[str, str], results: Path) -> Path:
    """Where a picture is: among the suite's figures, or among those of a run."""
    parts = ("runs", file["run"], "figures", file["file"]) if "run" in file else ("figures", file["file"])
    return inside(results, *parts)
