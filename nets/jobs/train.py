"""Train one run: from its description and prepared data to weights, history and manifest.

python -m nets.jobs.train --run-dir results/quick/runs/lenet5-mnist5k-s0 --data-dir results/data/mnist5k
"""

import argparse
import sys
from pathlib import Path

from nets.fidelity.curve import find_watching
from nets.jobs.common import add_run_options, fail, run_job
from nets.machine.locks import locked
from nets.machine.memory import Crowded, again_alone
from nets.machine.slots import lease
from nets.machine.stop import Stopped, StopRequest, time_limit
from nets.training.numerics import choose_device
from nets.training.pretrained import find_start
from nets.training.session import JobSettings, Session, settle_description, train

TRY_AGAIN = 75  # the exit status that sysexits.h calls a temporary failure


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.train", description=__doc__.splitlines()[0])
    add_run_options(parser)
    parser.add_argument("--runs-from", type=Path, help="runs.jsonl with the run's description (default: config.json)")
    parser.add_argument(
        "--pretrained", type=Path, nargs="*", default=[], help="manifest or note of the weights to start from"
    )
    parser.add_argument("--extractor", type=Path, nargs="?", help="manifest of the classifier that measures samples")
    parser.add_argument("--checkpoint-seconds", type=float, default=60, help="between checkpoints (default: 60)")
    parser.add_argument("--log", type=Path, help="file for one line per epoch")
    args = parser.parse_args(argv)
    stop = StopRequest()
    try:
        return run_job(lambda: take_turn(args, stop), args.log, (Stopped, Crowded), args.run_dir)
    except Stopped as message:
        fail(f"{args.run_dir.name}: {message}", args.log)
        return TRY_AGAIN
    except Crowded:
        again_alone("nets.jobs.train", argv)


def take_turn(args: argparse.Namespace, stop: StopRequest) -> None:
    """Train as the only process in the run's folder, on a leased device."""
    news = f"{args.run_dir.name}: another process is training it; waiting for it to end."
    with locked(args.run_dir / ".lock", news, stop), lease(stop, args.alone):
        run, device = settle_description(args.run_dir, args.runs_from), choose_device(args.threads)
        start = find_start(run, args.pretrained) if run.pretrained else None
        extractor = find_watching(args.extractor) if args.extractor else None
        settings = JobSettings(args.log, args.checkpoint_seconds, time_limit(), stop, args.alone, args.retry or None)
        train(Session(run, args.run_dir, args.data_dir, device, start, extractor, settings))


if __name__ == "__main__":
    sys.exit(main())
