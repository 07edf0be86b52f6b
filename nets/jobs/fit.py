"""Try each different network of a suite on two images, before anything trains; say once what does not fit.

python -m nets.jobs.fit --results results/my
"""

import argparse
import sys
from pathlib import Path

import torch

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.run import Run, fields, read_runs
from nets.tasks import task_class


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and try the networks."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.fit", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite, with its runs.jsonl")
    args = parser.parse_args(argv)
    return run_job(lambda: fit(args.results))


def fit(results: Path) -> None:
    """Raise UserError, with a line for each network that does not fit its rows; trained runs are left out."""
    runs = [
        run for run in read_runs(results / "runs.jsonl") if not (results / f"runs/{run.name}/manifest.json").exists()
    ]
    groups: dict[str, list[Run]] = {}
    for run in runs:
        networks = {role: fields(network) for role, network in run.networks.items()}
        groups.setdefault(f"{run.task} {networks} {run.input_shape} {run.num_classes} {run.pretrained}", []).append(run)
    wrong = []
    for first, *others in groups.values():
        if problem := problem_of(first):
            more = f" (and {len(others)} more like it)" if others else ""
            wrong.append(f"{first.name}{more}: {problem}")
    if wrong:
        print(*wrong[:-1], sep="\n", end="\n" * (len(wrong) > 1), file=sys.stderr, flush=True)
        raise UserError(wrong[-1])


def problem_of(run: Run) -> str | None:
    """What is wrong with the networks of a run; None if nothing is."""
    kind, grey = task_class(run), (0.5,) * run.shape[0]
    try:
        kind(run, kind.pixel_range({"mean": grey, "std": grey}), torch.device("cpu")).check()
    except UserError as error:
        return str(error)
    except (Exception, SystemExit):  # it may need what only its job has; the job tells then
        return None
    return None


if __name__ == "__main__":
    sys.exit(main())
