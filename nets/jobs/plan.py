"""Forecast a table before a long suite starts: its runs, their time, memory and disk, and what fits a budget.

python -m nets.jobs.plan --suite quick --budget 1h --slots 4
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from nets.files import atomic
from nets.jobs.common import print_lines, run_job
from nets.planning import budget, words
from nets.planning.plan import parse_slots, plan, usable_cores
from nets.run import read_runs
from nets.suite import paths
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and forecast."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.plan", description=__doc__.splitlines()[0])
    runs = parser.add_mutually_exclusive_group(required=True)
    runs.add_argument("--suite", help="a suite of config/")
    runs.add_argument("--table", help="a table of your own")
    runs.add_argument("--runs-from", type=Path, metavar="FILE", help="runs.jsonl of a suite that has started")
    parser.add_argument("--names", type=Path, help="write the runs' names there, one per line, and print nothing")
    parser.add_argument("--budget", help="a time, such as 2h: write a table of the runs that fit")
    parser.add_argument("--slots", type=parse_slots, help="jobs at once (default: those of the GPUs, or one per core)")
    parser.add_argument("--seconds", type=float, default=60, help="to measure steps of new networks (default: 60)")
    parser.add_argument("--own", action="store_true", help="measure your own networks too, which runs their code")
    args = parser.parse_args(argv)
    if bool(args.names) != bool(args.runs_from):
        parser.error("--names and --runs-from go together")
    return run_job(lambda: write_names(args) if args.names else print_lines(lines(args)))


def write_names(args: argparse.Namespace) -> None:
    """Write the names of the runs to a file."""
    with atomic(args.names) as temporary:
        temporary.write_text("".join(f"{run.name}\n" for run in read_runs(args.runs_from)), encoding="utf-8")


def lines(args: argparse.Namespace) -> Iterator[str]:
    """The forecast, and what fits the budget, a line each."""
    limit = budget.parse_budget(args.budget) if args.budget else None
    table = find_table({"table": args.table} if args.table else {"suite": args.suite})
    results = paths.results_of(table)
    planned = plan(load_runs(table), results, args.slots, args.seconds, args.own)
    yield from words.lines(planned)
    if limit is not None:
        chosen = budget.choose(planned, results, limit, planned.slots, max(usable_cores(), planned.slots))
        yield from words.chosen_words(chosen, limit, str(budget.write_table(table, chosen, results)))


if __name__ == "__main__":
    sys.exit(main())
