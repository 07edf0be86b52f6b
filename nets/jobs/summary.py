"""Print the best rows of a suite's tables, which of its runs are holes (have no result), and where its report is.

python -m nets.jobs.summary --results results/quick
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.reporting import brief
from nets.suite.holes import summary


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and summarise."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.summary", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    args = parser.parse_args(argv)
    return run_job(lambda: summarise(args.results), folder=args.results)


def summarise(results: Path) -> None:
    """Print the summary."""
    if table := brief.best(results / "tables"):
        print(table)
    print(summary(results))


if __name__ == "__main__":
    sys.exit(main())
