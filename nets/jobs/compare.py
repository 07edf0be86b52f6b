"""Compare the models of each task and data set: tables as CSV, Markdown, LaTeX and HTML, figures, and findings.

python -m nets.jobs.compare --results results/quick --runs-from results/quick/runs.txt
"""

import argparse
import sys
from pathlib import Path

from nets.files import write_json
from nets.jobs.common import run_job
from nets.reporting import comparisons, findings
from nets.reporting.figures.of_comparisons import draw_comparison
from nets.reporting.figures.ranks import draw_ranks
from nets.reporting.figures.style import with_png
from nets.reporting.lessons.section import write_lessons
from nets.reporting.overview import overview
from nets.reporting.results import load_results
from nets.reporting.tables.across import across, write_across
from nets.suite.catalogues import ROOT
from nets.suite.lessons import load_lessons
from nets.suite.published import load_published


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.compare", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--results", type=Path, required=True, help="folder of the suite; tables/ and figures/ go there"
    )
    parser.add_argument("--runs-from", type=Path, required=True, metavar="FILE", help="names of runs, one per line")
    parser.add_argument("--published", type=Path, default=ROOT / "config/published.csv", help="what others report")
    parser.add_argument("--lessons", type=Path, default=ROOT / "config/lessons.yaml", help="what learners are told")
    args = parser.parse_args(argv)
    return run_job(lambda: compare(args.results, args.runs_from, args.published, args.lessons), folder=args.results)


def compare(results: Path, names: Path, published: Path, lessons: Path) -> None:
    """Write the tables and figures, replacing old ones."""
    found, reported = load_results(results, names), load_published(published)
    compared = comparisons.compare(found, reported)
    for folder in (results / "tables", results / "figures"):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.*"):
            old.unlink()
    for comparison in compared:
        comparisons.write_tables(comparison, results / "tables")
    ranked = across(compared)
    write_across(ranked, results / "tables")
    findings.write(findings.find(findings.Suite(found, compared, reported, ranked)), results / "tables")
    write_json(results / "tables/overview.json", overview(results.resolve().name, found, compared))
    with with_png():
        for comparison in compared:
            draw_comparison(comparison, results / "figures")
        for each in ranked:
            draw_ranks(each, results / "figures")
        write_lessons(load_lessons(lessons), found, results)


if __name__ == "__main__":
    sys.exit(main())
