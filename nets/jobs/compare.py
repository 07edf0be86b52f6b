"""Compare the models of each task and data set: tables as CSV, Markdown, LaTeX and HTML, and figures.

python -m nets.jobs.compare --results results/quick --runs-from results/quick/runs.txt
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.reporting.figures.comparisons import draw_comparison
from nets.reporting.results import benchmark, load_runs
from nets.reporting.tables import formats
from nets.reporting.tables.comparison import comparison
from nets.reporting.tables.per_class import class_table
from nets.reporting.tables.stability import draw_stability, stability
from nets.suite.catalogues import ROOT
from nets.suite.published import load_published


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="the suite; tables/ and figures/ go there")
    parser.add_argument("--runs-from", type=Path, required=True, metavar="FILE", help="names of runs, one a line")
    parser.add_argument("--published", type=Path, default=ROOT / "config/published.csv", help="what others report")
    args = parser.parse_args(argv)
    return run_job(lambda: compare(args.results, args.runs_from, args.published))


def compare(results: Path, names: Path, published: Path) -> None:
    """Write the tables and figures."""
    values, groups = load_published(published), benchmark(load_runs(results, names))
    for folder in ("tables", "figures"):
        (results / folder).mkdir(parents=True, exist_ok=True)
    for (task, dataset), runs in groups.items():
        table = comparison(runs, values)
        formats.write(table, results / "tables")
        draw_comparison(table, runs, results / "figures")
        if table.task == "segmentation" and (classes := class_table(runs)):
            formats.write(classes, results / "tables")
        if task == "generation" and (steady := stability(runs)):
            formats.write(steady, results / "tables")
            draw_stability(steady, results / "figures" / f"stability-{dataset}.svg")


if __name__ == "__main__":
    sys.exit(main())
