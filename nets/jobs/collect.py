"""Collect the numbers of runs in one tidy table: one row per number, and one per hole (run without a result).

    python -m nets.jobs.collect --results results/quick --runs-from results/quick/runs.txt \\
        --output results/quick/metrics.csv
"""

import argparse
import sys
from pathlib import Path

from nets.files import atomic
from nets.jobs.common import run_job
from nets.reporting.results import load_result, load_results
from nets.reporting.tables.tidy import tidy


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and collect."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.collect", description=__doc__.splitlines()[0])
    runs = parser.add_mutually_exclusive_group(required=True)
    runs.add_argument("--runs", type=Path, nargs="+", metavar="DIR", help="folders of runs")
    runs.add_argument("--runs-from", type=Path, metavar="FILE", help="names of runs, one per line")
    parser.add_argument("--results", type=Path, help="folder of the suite, for --runs-from (default: beside --output)")
    parser.add_argument("--output", type=Path, required=True, help="the table, as CSV")
    args = parser.parse_args(argv)
    args.results = args.results or args.output.parent
    return run_job(lambda: collect(args), folder=args.results if args.runs_from else None)


def collect(args: argparse.Namespace) -> None:
    """Write the table."""
    runs = load_results(args.results, args.runs_from) if args.runs_from else map(load_result, args.runs)
    table = tidy(runs)
    with atomic(args.output) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    sys.exit(main())
