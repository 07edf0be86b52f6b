"""List the data sets and weights of a suite, and how to supply missing ones.

python -m nets.jobs.fetch results/data/*/dataset.json results/weights/*.json
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.suite.holes import supplies


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and print the list."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.fetch", description=__doc__.splitlines()[0])
    parser.add_argument("notes", type=Path, nargs="*", help="the JSON files of the rules prepare and weights")
    args = parser.parse_args(argv)
    return run_job(lambda: print(supplies(args.notes)))


if __name__ == "__main__":
    sys.exit(main())
