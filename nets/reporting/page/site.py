"""The report: an entry, `report.html`, and beside it a folder with all other pages, pictures and data.

It opens without a network and without a server. A list of functions gives the pages; a new kind of page is a function
that takes a Suite, a template, and an entry in `PAGES`.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

from nets.files import atomic, naming, read_json
from nets.reporting.comparisons import Comparison, read_comparisons
from nets.reporting.page import across, background, comparison, data, lessons, models, overview, render, runs
from nets.reporting.page.page import ENTRY, Page, Suite
from nets.reporting.page.pictures import Pictures
from nets.reporting.results import load_results
from nets.reporting.tables import formats
from nets.reporting.tables.table import Table

PAGES: tuple[Callable[[Suite, Pictures], Iterable[Page]], ...] = (
    overview.pages,
    lessons.pages,
    comparison.pages,
    across.pages,
    models.pages,
    runs.pages,
    background.pages,
)


def write(folder: Path, names: Path, output: Path) -> None:
    """Write the report of a suite: the page `output`, and the folder of its name without the ending.

    Raises UserError if a table or a run's file is missing; what was there before then stays.
    """
    results = load_results(folder, names)
    comparisons = read_comparisons(results, folder / "tables")
    findings, facts = (read_json(folder / "tables" / f"{name}.json") for name in ("findings", "overview"))
    parts = output.with_suffix("")
    fresh = parts.with_name(f".{parts.name}.{os.getpid()}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        ranked = read_across(folder / "tables", comparisons)
        suite = Suite(folder, results, comparisons, ranked, findings, facts, relative(folder, parts))
        entry = write_parts(suite, fresh, output)
        shutil.rmtree(parts, ignore_errors=True)
        fresh.rename(parts)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    with atomic(output) as temporary:
        temporary.write_text(entry, encoding="utf-8")


def write_parts(suite: Suite, fresh: Path, output: Path) -> str:
    """Write all but the entry `output` into a new folder, which will be called like that; returns the entry's text."""
    with naming(fresh):
        shutil.copytree(render.ASSETS, fresh / "assets")
    pictures = Pictures(suite, fresh)
    pages = [page for kind in PAGES for page in kind(suite, pictures)]
    groups: dict[str, list[Page]] = {}
    for page in pages:
        if page.group:
            groups.setdefault(page.group, []).append(page)
    entry = ""
    for page in pages:
        first = page.file == ENTRY
        at, up = (f"{output.stem}/", "") if first else ("", "../")
        shown = {"suite": suite.name, "page": page, "groups": groups, "at": at, "entry": up + output.name}
        shown |= {"files": suite.shown, "command": suite.command}
        text = render.template(page.template).render(shown | page.content())
        if first:
            entry = text
        else:
            path = fresh / page.file
            with naming(path):
                path.write_text(text, encoding="utf-8")
    data.write(suite, pictures, fresh)
    return entry


def relative(folder: Path, parts: Path) -> str:
    """How pages in the report's folder reach the suite's folder."""
    return quote(Path(os.path.relpath(folder.resolve(), parts.parent.resolve() / parts.name)).as_posix())


def read_across(folder: Path, comparisons: list[Comparison]) -> list[Table]:
    """The tables over several data sets that `compare` wrote."""
    by_task = {each.task: [view for other in comparisons if other.task == each.task for view in other.results]
               for each in comparisons}  # fmt: skip
    names = {task: f"across-{task}" for task in by_task}
    return [formats.read(folder, names[task], views) for task, views in by_task.items()
            if (folder / f"{names[task]}.json").exists()]  # fmt: skip
