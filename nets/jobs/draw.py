"""Draw the figures of one run: curves, confusion matrix, reconstructions, samples, evolution.

python -m nets.jobs.draw --run-dir results/quick/runs/lenet5-mnist5k-s0
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.reporting.figures.of_runs import draw_run
from nets.suite.keys import record, stage_source


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.draw", description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, required=True, help="folder of the run; pictures go to its figures/")
    args = parser.parse_args(argv)
    return run_job(lambda: draw(args.run_dir), folder=args.run_dir)


def draw(run_dir: Path) -> None:
    """Draw, and note the source of the drawings."""
    draw_run(run_dir)
    record(run_dir, "draw", {"source": stage_source("draw").files})


if __name__ == "__main__":
    sys.exit(main())
