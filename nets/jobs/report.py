"""Write the report of a suite: a page to start with, and a folder of pages beside it. They open without a network.

    python -m nets.jobs.report --results results/quick --runs-from results/quick/runs.txt \\
        --output results/quick/report.html
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.reporting.page.site import write


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and write the report."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.report", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite")
    parser.add_argument("--runs-from", type=Path, required=True, metavar="FILE", help="names of runs, one per line")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="the first page, such as report.html; the others go into the folder report/ beside it",
    )
    args = parser.parse_args(argv)
    return run_job(lambda: write(args.results, args.runs_from, args.output), folder=args.results)


if __name__ == "__main__":
    sys.exit(main())
