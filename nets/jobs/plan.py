"""List the runs of a table before a long suite starts.

python -m nets.jobs.plan --table config/quick.tsv
"""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from nets.files import atomic
from nets.jobs.common import run_job
from nets.run import Run, read_runs
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and list the runs."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.plan", description=__doc__.splitlines()[0])
    runs = parser.add_mutually_exclusive_group(required=True)
    runs.add_argument("--suite", help="a suite of config/")
    runs.add_argument("--table", type=Path, help="a table of your own")
    runs.add_argument("--runs-from", type=Path, metavar="FILE", help="runs.jsonl of a suite that has started")
    parser.add_argument("--names", type=Path, help="write the runs' names there, one per line, and print nothing")
    args = parser.parse_args(argv)
    return run_job(lambda: plan(args))


def plan(args: argparse.Namespace) -> None:
    """Write the names of the runs to a file, or print the runs."""
    table = args.table if args.suite is None else find_table({"suite": args.suite})
    runs = load_runs(table) if table else read_runs(args.runs_from)
    if args.names:
        with atomic(args.names) as temporary:
            temporary.write_text("".join(f"{run.name}\n" for run in runs), encoding="utf-8")
        return
    try:
        show(runs)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(runs: list[Run]) -> None:
    """Print one line per run, and how many runs of each kind there are."""
    for run in runs:
        epochs = run.recipe.epochs
        print(f"{run.name:50} {epochs:4} epoch{'s' if epochs != 1 else ' '}  {run.recipe.name}")
    kinds = Counter(run.task for run in runs)
    print(
        f"{len(runs)} run{'s' if len(runs) != 1 else ''}: "
        + ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    )


if __name__ == "__main__":
    sys.exit(main())
