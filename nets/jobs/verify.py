"""Measure kept weights again: are the numbers identical, within the declared tolerance, or different, and why?

python -m nets.jobs.verify --results results/quick [--run lenet5-mnist5k-s0]
"""

import argparse
import contextlib
import io
import sys
from pathlib import Path
from typing import Any

from nets.errors import UserError
from nets.jobs import evaluate
from nets.jobs.common import run_job
from nets.machine.progress import bar
from nets.machine.provenance import describe_machine
from nets.record.bundle import unpacked
from nets.record.measured import names_of
from nets.record.verification import verified
from nets.reporting.results import Result
from nets.training.numerics import choose_device


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and verify."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.verify", description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--results", type=Path, help="folder of the suite's results")
    where.add_argument("--bundle", type=Path, help="a file that `make bundle` or `make archive` wrote")
    parser.add_argument("--run", metavar="NAME", help="a run of it (default: all)")
    args = parser.parse_args(argv)
    return run_job(lambda: verify(args), folder=args.results)


def verify(args: argparse.Namespace) -> None:
    """Print a line for each run, and why its numbers differ. Raises UserError if a run is not what it was."""
    with contextlib.ExitStack() as stack:
        results, packed = stack.enter_context(unpacked(args.bundle)) if args.bundle else (args.results, [])
        failed, names = 0, [args.run] if args.run else packed or names_of(results)
        for name in bar(names, "verifying"):
            same, words = verified(results, name, measure)
            print(words, flush=True)
            failed += not same
    if failed:
        raise UserError(f"{failed} of {len(names)} runs could not be verified; the lines above say why.")


def measure(kept: Result, folder: Path, data: Path, references: list[str]) -> dict[str, Any]:
    """Evaluate a copy of a run as the run was; returns what a manifest says of this machine. Raises UserError."""
    command = [f"--run-dir={folder}", f"--data-dir={data}", f"--threads={kept.manifest['threads']}", "--alone"]
    with contextlib.redirect_stdout(io.StringIO()):
        if evaluate.main([*command, "--references", *references]):
            raise UserError("it can't be evaluated here, for the reason above.")
    return describe_machine(choose_device(kept.manifest["threads"]))


if __name__ == "__main__":
    sys.exit(main())
