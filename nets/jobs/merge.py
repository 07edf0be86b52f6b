"""Merge runs of other machines or people into the results of a suite, so that one report shows them.

python -m nets.jobs.merge --suite quick --source /mnt/other/results/quick
"""

import argparse
import shlex
import sys
from pathlib import Path

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.planning.standing import is_running
from nets.record.merge import TAKEN, Merge
from nets.suite import paths
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and merge."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.merge", description=__doc__.splitlines()[0])
    suite = parser.add_mutually_exclusive_group(required=True)
    suite.add_argument("--suite", help="a suite of config/, which says what runs there are")
    suite.add_argument("--table", help="a table of your own, likewise")
    parser.add_argument("--source", required=True, help="a folder of results, or several, separated by blanks")
    parser.add_argument("--into", type=Path, help="folder of the suite's results, if it is not results/<suite>")
    args = parser.parse_args(argv)
    return run_job(lambda: merge(args))


def merge(args: argparse.Namespace) -> None:
    """Take what belongs together, and say what was refused. Raises UserError if something was."""
    key, value = ("table", args.table) if args.table else ("suite", args.into.name if args.into else args.suite)
    table = find_table({key: value})
    results = Path(paths.results_of(table))
    if args.into and args.into.resolve() != results.resolve():
        raise UserError(f"INTO={args.into}: {table} fills {results}; name the suite or the table of {args.into}.")
    if is_running():
        raise UserError("A Snakemake works in this folder; merge when it has ended.")
    merging, refused = Merge(load_runs(table), results), []
    whole = Path(args.source)
    for source in [whole] if whole.exists() else map(Path, shlex.split(args.source)):
        ends, why = merging.take_all(source)
        taken = sum(end == TAKEN for end in ends.values())
        print(f"{source}: {taken} runs taken, {len(ends) - taken} were here already, {len(why)} refused.")
        refused += why
    for sentence in refused:
        print(f"  {sentence}", file=sys.stderr)
    print(f"make run {key.upper()}={value} makes the tables and the report of all runs.")
    if refused:
        raise UserError(f"{len(refused)} runs were refused; the lines above say why.")


if __name__ == "__main__":
    sys.exit(main())
