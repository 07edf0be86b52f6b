"""Measure one trained run on test data, which only this job and `reference` read.

python -m nets.jobs.evaluate --run-dir results/quick/runs/lenet5-mnist5k-s0 --data-dir results/data/mnist5k
"""

import argparse
import sys
from pathlib import Path

from nets.evaluation import TrainedRun, evaluate
from nets.jobs.common import add_run_options, known_inception, run_job
from nets.machine.memory import Crowded, again_alone
from nets.machine.slots import lease
from nets.reporting import brief
from nets.training.numerics import choose_device


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and evaluate."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.evaluate", description=__doc__.splitlines()[0])
    add_run_options(parser)
    parser.add_argument(
        "--references", type=Path, nargs="*", default=[], help="the reference.json files to compare samples with"
    )
    args = parser.parse_args(argv)
    try:
        return run_job(lambda: take_turn(args), None, (Crowded,), args.run_dir)
    except Crowded:
        again_alone("nets.jobs.evaluate", argv)


def take_turn(args: argparse.Namespace) -> None:
    """Evaluate on a leased device."""
    with lease(alone=args.alone):
        device = choose_device(args.threads)
        retry = args.retry or None
        inception = known_inception() if args.references else ""
        trained = TrainedRun(args.run_dir, args.data_dir, args.references, device, args.alone, retry, inception)
        begun = any(args.run_dir.parent.glob("*/metrics.json"))
        line = evaluate(trained)
        print(line if begun else brief.first(trained.run, line.partition("  ")[2]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
