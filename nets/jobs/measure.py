"""Measure a few steps of networks that have never run here; `make plan` starts this.

python -m nets.jobs.measure --runs-from runs.jsonl --cache ~/.cache/nets/paces --seconds 60 --threads 1
"""

import argparse
import sys
from pathlib import Path

from nets.files import write_json
from nets.jobs.common import run_job
from nets.machine.progress import bar
from nets.machine.slots import lease
from nets.planning.work import pace_key
from nets.run import read_runs
from nets.training.numerics import choose_device
from nets.training.pace import measure_apart


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.measure", description=__doc__.splitlines()[0])
    parser.add_argument("--runs-from", type=Path, required=True, help="runs.jsonl of a run of each network")
    parser.add_argument("--cache", type=Path, required=True, help="folder for a JSON file of each network")
    parser.add_argument("--seconds", type=float, default=60, help="after these, the rest is left out")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    args = parser.parse_args(argv)
    return run_job(lambda: measure_all(args))


def measure_all(args: argparse.Namespace) -> None:
    """Measure each network, and write what was found."""
    with lease():
        device, runs = choose_device(args.threads), read_runs(args.runs_from)
        found = measure_apart(runs, device, args.threads, args.seconds)
        for run, pace in zip(bar(runs, "measuring"), found, strict=False):
            write_json(args.cache / f"{pace_key(run)}.json", pace)


if __name__ == "__main__":
    sys.exit(main())
