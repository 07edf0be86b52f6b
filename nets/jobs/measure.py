"""Measure a few steps of networks that have never run here; `make plan` starts this.

python -m nets.jobs.measure --runs-from runs.jsonl --cache ~/.cache/nets/paces --seconds 60 --threads 1
"""

import argparse
import importlib
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from nets.files import write_json
from nets.jobs.common import run_job
from nets.machine.progress import bar
from nets.machine.slots import lease
from nets.planning.work import pace_key
from nets.run import Run, read_runs
from nets.training.numerics import choose_device
from nets.training.pace import measure

EACH = 0.5  # seconds for one network, about
LIMIT = 60.0  # seconds after which a network is given up


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
    """Measure each network in a process of its own, whose peak memory is then the network's."""
    device, began = choose_device(args.threads), time.monotonic()
    importlib.import_module("torch._dynamo")  # what optimizers load; once, before processes are forked
    context = multiprocessing.get_context("fork" if device.type == "cpu" else "spawn")
    with lease():
        for run in bar(read_runs(args.runs_from), "measuring"):
            if time.monotonic() - began > args.seconds:
                return
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=work, args=(run, args.threads, args.cache, there))
            process.start()
            there.close()
            here.poll(LIMIT)
            process.kill()
            process.join()


def work(run: Run, threads: int, cache: Path, done: Connection) -> None:
    """Measure a network and write what was found; one that can't be measured gets an empty file."""
    try:
        found = measure(run, choose_device(threads), EACH)
    except Exception as error:  # somebody's network may raise anything; the run itself will tell
        found = {"error": f"{type(error).__name__}: {error}"}
    write_json(cache / f"{pace_key(run)}.json", found)
    done.send(True)


if __name__ == "__main__":
    sys.exit(main())
