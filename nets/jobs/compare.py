"""Compare the models of each task and data set: tables as CSV, Markdown, LaTeX and HTML, figures, and findings.

python -m nets.jobs.compare --results results/quick --runs-from results/quick/runs.txt
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.reporting.writing import write_suite
from nets.suite.catalogues import ROOT
from nets.suite.lessons import load_lessons
from nets.suite.published import load_published


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.compare", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--results", type=Path, required=True, help="folder of the suite; tables/, figures/ and summary.json go there"
    )
    parser.add_argument("--runs-from", type=Path, required=True, metavar="FILE", help="names of runs, one per line")
    parser.add_argument("--published", type=Path, default=ROOT / "config/published.csv", help="what others report")
    parser.add_argument("--lessons", type=Path, default=ROOT / "config/lessons.yaml", help="what learners are told")
    args = parser.parse_args(argv)
    return run_job(lambda: compare(args), folder=args.results)


def compare(args: argparse.Namespace) -> None:
    """Write tables, figures, findings and the outcome of lessons, replacing old ones."""
    write_suite(args.results, args.runs_from, load_published(args.published), load_lessons(args.lessons))


if __name__ == "__main__":
    sys.exit(main())
