"""Run a suite: say what will be done and for how long, start Snakemake, and show how the suite stands.

python -m nets.jobs.run --suite quick
"""

import argparse
import sys
from functools import partial

from nets.jobs.common import run_job
from nets.planning import words
from nets.planning.follow import follow
from nets.planning.plan import plan
from nets.planning.standing import standing
from nets.suite import paths
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run; returns Snakemake's exit status."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.run", description=__doc__.splitlines()[0])
    suite = parser.add_mutually_exclusive_group(required=True)
    suite.add_argument("--suite", help="a suite of config/")
    suite.add_argument("--table", help="a table of your own")
    parser.add_argument("--seconds", type=float, default=10, help="to measure steps of new networks (default: 10)")
    args, more = parser.parse_known_args(argv)
    ended: list[int] = []
    return run_job(lambda: ended.append(run(args, more))) or ended[0]


def run(args: argparse.Namespace, more: list[str]) -> int:
    """Run the suite; words that this job doesn't know are Snakemake's. Returns its exit status."""
    key, value = ("table", args.table) if args.table else ("suite", args.suite)
    table = find_table({key: value})
    runs, results = load_runs(table), paths.results_of(table)
    planned = plan(runs, results, seconds=args.seconds)
    print(words.beginning(planned), flush=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *more]
    setting = f"{key}=|2-\n  {value}"  # YAML for a text as it is
    return follow([*command, "--config", setting], partial(standing, runs, results))


if __name__ == "__main__":
    sys.exit(main())
