"""Forget the holes of a suite (runs without a result), so that the next start of the workflow tries them again.

python -m nets.jobs.retry --results results/quick
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.suite.holes import forget, forget_fetched
from nets.trust import refuse_links


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and forget."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.retry", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    parser.add_argument("--fetched", action="store_true", help="forget only missing data sets and weights")
    args = parser.parse_args(argv)
    return run_job(lambda: retry(args.results, args.fetched), folder=args.results)


def retry(results: Path, fetched: bool) -> None:
    """Forget the holes, and print their names."""
    for folder in ("data", "weights"):  # which suites share
        refuse_links(results.parent / folder)
    names = forget_fetched(results) if fetched else forget(results)
    for name in names:
        print(f"{name}: will be tried again")
    if not names and not fetched:
        print("There are no holes to try again.")


if __name__ == "__main__":
    sys.exit(main())
