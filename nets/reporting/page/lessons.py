"""The page about lessons: what `compare` found, with its figures."""

from collections.abc import Iterator
from typing import Any

from nets.reporting.lessons.section import read_lessons
from nets.reporting.lessons.verdicts import WORDS
from nets.reporting.page.page import Page, Suite
from nets.reporting.page.pictures import Pictures
from nets.trust import inside


def pages(suite: Suite, pictures: Pictures) -> Iterator[Page]:
    """The page of the lessons that the suite tests, if it tests any."""
    if lessons := read_lessons(suite.folder):
        content = {"lessons": [shown(lesson, suite, pictures) for lesson in lessons], "words": WORDS}
        content["counts"] = {verdict: sum(lesson["verdict"] == verdict for lesson in lessons) for verdict in WORDS}
        yield Page("lessons.html", "Lessons", "lessons.html.j2", lambda: content, "This suite", len(lessons))


def shown(lesson: dict[str, Any], suite: Suite, pictures: Pictures) -> dict[str, Any]:
    """A lesson with the addresses of its pictures, which are among the suite's figures or those of runs."""

    def found(file: dict[str, str]) -> dict[str, str]:
        place = ("runs", file["run"], "figures") if "run" in file else ("figures",)
        path = inside(suite.folder, *place, file["file"])
        return file | {"source": pictures.source(path, *place[:2])}

    figures = [figure | {"files": [found(file) for file in figure["files"]]} for figure in lesson["figures"]]
    return lesson | {"figures": figures}
