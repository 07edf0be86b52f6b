"""Send the runs of a suite to MLflow: to `<results>/mlflow.db`, or to the server that MLFLOW_TRACKING_URI names.

python -m nets.jobs.track --results results/quick --runs-from results/quick/runs.txt
"""

import argparse
import gc
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.reporting.results import load_results


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and track."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.track", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--results", type=Path, required=True, help="folder of the suite; its name becomes the experiment's"
    )
    parser.add_argument("--runs-from", type=Path, required=True, metavar="FILE", help="names of runs, one per line")
    args = parser.parse_args(argv)
    return run_job(lambda: follow(args.results, args.runs_from), folder=args.results)


def follow(results: Path, names: Path) -> None:
    """Bring MLflow up to date with the run folders."""
    from nets.reporting.mlflow.tracking import track

    gc.set_threshold(100_000, 50, 100)  # by default, a fifth of the time goes into looking at MLflow's own objects
    added, kept, removed = track(results, load_results(results, names))
    print(f"MLflow: {added} runs added or replaced, {kept} unchanged, {removed} removed.")


if __name__ == "__main__":
    sys.exit(main())
