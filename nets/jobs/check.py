"""Compute every convolution of a model on this processor, and say which come out wrong.

python -m nets.jobs.check --model resnet18 --overrides "model.width=0.125"
"""

import argparse
import sys
from pathlib import Path

import torch

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.suite.catalogues import ROOT
from nets.suite.examples import examples
from nets.tasks import task_class
from nets.tasks.convolutions import Convolution
from nets.tasks.exactness import verify


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and check."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.check", description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a name of models.yaml")
    parser.add_argument("--overrides", default="", help="as in a row of a table, such as model.width=0.125")
    parser.add_argument("--catalogues", type=Path, default=ROOT / "config", help="folder of your own models.yaml")
    args = parser.parse_args(argv)
    return run_job(lambda: check(args.model, args.overrides, args.catalogues))


def check(model: str, overrides: str, catalogues: Path) -> None:
    """Print a line for each convolution that is wrong or known to be, or one line if all are right."""
    torch.set_num_threads(1)  # before anything is computed: a fork loses other threads
    places: dict[Convolution, str] = {}
    runs = examples(model, overrides, catalogues)
    for run in runs:
        kind, grey = task_class(run), (0.5,) * run.shape[0]
        task = kind(run, kind.pixel_range({"mean": grey, "std": grey}), torch.device("cpu"))
        print("".join(f"{warning}\n" for warning in task.check()), end="", flush=True)
        places |= task.convolutions()
    faults = {convolution: fault for convolution in places if (fault := verify(convolution))}
    for convolution, fault in faults.items():
        print(f"{convolution} ({places[convolution]}): {fault}.", flush=True)
    if faults:
        count = f"{len(faults)} of the {len(places)} convolutions"
        raise UserError(f"This processor computes {count} of {model} wrong; train it elsewhere.")
    print(f"All {len(places)} convolutions of {model}, for {' and '.join(r.dataset for r in runs)}, are right here.")


if __name__ == "__main__":
    sys.exit(main())
