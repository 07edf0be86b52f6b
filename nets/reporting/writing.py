"""All that is written about a suite as a whole, besides the page and metrics.csv: tables, figures, findings."""

from collections.abc import Iterable
from pathlib import Path

from nets.files import write_json
from nets.reporting import comparisons, findings
from nets.reporting.figures.of_comparisons import draw_comparison
from nets.reporting.figures.ranks import draw_ranks
from nets.reporting.figures.style import with_png
from nets.reporting.lessons.section import write_lessons
from nets.reporting.overview import overview
from nets.reporting.results import load_results
from nets.reporting.summary import summary
from nets.reporting.tables import formats
from nets.reporting.tables.across import across
from nets.reporting.tables.literature import Values
from nets.reporting.tables.pairs import pairs
from nets.suite.lessons import Lesson


def write_suite(results: Path, names: Path, published: Values, lessons: Iterable[Lesson] = ()) -> None:
    """Write `tables/`, `figures/` and `summary.json` of a suite, in place of old ones; `names` lists its runs.

    `lessons` are tested if the suite has their rows.
    """
    suite, found = results.resolve().name, load_results(results, names)
    compared = comparisons.compare(found, published)
    over = across(compared)
    said = findings.find(findings.Suite(found, compared, published, over))
    tables, figures = results / "tables", results / "figures"
    for folder in (tables, figures):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.*"):
            old.unlink()
    for comparison in compared:
        comparisons.write_tables(comparison, tables)
        if tested := pairs(comparison.table):
            write_json(tables / f"{comparison.table.name}-pairs.json", tested)
    for each in over:
        formats.write(each.table, tables)
    findings.write(said, tables)
    write_json(tables / "overview.json", overview(suite, found, compared))
    write_json(results / "summary.json", summary(suite, compared, published, over, said))
    with with_png():
        for comparison in compared:
            draw_comparison(comparison, figures)
        for each in over:
            draw_ranks(each, figures)
        write_lessons(lessons, found, results)
