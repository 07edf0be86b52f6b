"""Repeat a finished training and test it after every epoch, to show what choosing an epoch by test images does.

python -m nets.jobs.repeat --run-dir results/quick/runs/lenet5-mnist5k-s0 --data-dir results/data/mnist5k
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import add_run_options, fail, run_job
from nets.machine.memory import Crowded, again_alone
from nets.machine.slots import lease
from nets.machine.stop import Stopped, StopRequest
from nets.repeated import repeat
from nets.run import Run
from nets.training.numerics import choose_device
from nets.training.pretrained import find_start
from nets.training.session import JobSettings, Session

TRY_AGAIN = 75  # the exit status that sysexits.h calls a temporary failure


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and repeat."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.repeat", description=__doc__.splitlines()[0])
    add_run_options(parser)
    parser.add_argument(
        "--pretrained", type=Path, nargs="*", default=[], help="manifest or note of the weights that it started from"
    )
    args = parser.parse_args(argv)
    stop = StopRequest()
    try:
        return run_job(lambda: take_turn(args, stop), None, (Stopped, Crowded), args.run_dir)
    except Stopped:
        fail(f"{args.run_dir.name}: stopped; the same command repeats the run from its first epoch.", None)
        return TRY_AGAIN
    except Crowded:
        again_alone("nets.jobs.repeat", argv)


def take_turn(args: argparse.Namespace, stop: StopRequest) -> None:
    """Repeat on a leased device."""
    with lease(stop, args.alone):
        run, device = Run.load(args.run_dir), choose_device(args.threads)
        start = find_start(run, args.pretrained) if run.pretrained else None
        settings = JobSettings(stop_asked=stop, alone=args.alone)
        print(repeat(Session(run, args.run_dir, args.data_dir, device, start, None, settings)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
