"""Write the report of a suite: one HTML file that opens without a network.

    python -m nets.jobs.report --results results/quick --runs-from results/quick/runs.txt \\
        --output results/quick/report.html
"""

import argparse
import sys
from pathlib import Path

from nets.files import atomic
from nets.jobs.common import run_job
from nets.reporting.page.page import page


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and write the report."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.report", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite")
    parser.add_argument("--runs-from", type=Path, required=True, metavar="FILE", help="names of runs, one per line")
    parser.add_argument("--output", type=Path, required=True, help="the page")
    args = parser.parse_args(argv)
    return run_job(lambda: report(args), folder=args.results)


def report(args: argparse.Namespace) -> None:
    """Write the page."""
    text = page(args.results, args.runs_from, args.output.parent)
    with atomic(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
