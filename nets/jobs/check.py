"""Compute every convolution of a model on this processor, and say which come out wrong.

python -m nets.jobs.check --model resnet18 --overrides "model.width=0.125"
"""

import argparse
import sys
from pathlib import Path

import torch

from nets.catalogues import ROOT, load_catalogues
from nets.config import expand_row
from nets.errors import ConfigError, UserError, suggest
from nets.jobs.common import run_job
from nets.run import Run
from nets.table import COLUMNS
from nets.tasks import task_class
from nets.tasks.convolutions import Convolution
from nets.tasks.exactness import verify

DATASETS = ("mnist5k", "cifar10", "polynomials", "digit_scenes")  # whose shapes are tried


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and check."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.check", description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a name of models.yaml")
    parser.add_argument("--overrides", default="", help="as in a row of a table, such as model.width=0.125")
    parser.add_argument("--catalogues", type=Path, default=ROOT / "config", help="folder of a models.yaml of your own")
    args = parser.parse_args(argv)
    return run_job(lambda: check(args.model, args.overrides, args.catalogues))


def check(model: str, overrides: str, catalogues: Path) -> None:
    """Print a line for each convolution that is wrong or known to be, or one that all is well. Raises UserError."""
    torch.set_num_threads(1)  # before anything is computed: other threads would be lost in a fork
    found: dict[Convolution, str] = {}
    runs = examples(model, overrides, catalogues)
    for run in runs:
        kind, grey = task_class(run.task), (0.5,) * run.shape[0]
        task = kind(run, kind.pixel_range({"mean": grey, "std": grey}), torch.device("cpu"))
        for warning in task.check():  # which decides how a run would compute, and this process does from here on
            print(warning, flush=True)
        found |= task.convolutions()
    answers = {convolution: verify(convolution) for convolution in found}
    for convolution, wrong in answers.items():
        if wrong:
            print(f"{convolution} ({found[convolution]}): {wrong}.", flush=True)
    count = sum(map(bool, answers.values()))
    if count:
        raise UserError(
            f"This processor computes {count} of the {len(found)} convolutions of {model} wrong; train it elsewhere."
        )
    print(f"All {len(found)} convolutions of {model}, for {' and '.join(run.dataset for run in runs)}, are right here.")


def examples(model: str, overrides: str, catalogues: Path) -> list[Run]:
    """Runs of a model on up to two data sets that it fits. Raises ConfigError where there is none."""
    known = load_catalogues(catalogues)
    if model not in known["models"]:
        raise ConfigError(f"MODEL={model}: unknown model; {suggest(model, known['models'])}")
    task, fitted = known["models"][model]["task"], known["models"][model].get("fitted", False)
    recipes = [
        name
        for name, recipe in known["recipes"].items()
        if recipe["task"] == task and recipe.get("options", {}).get("fitted", False) == fitted
    ]
    if not recipes:
        raise ConfigError(f"MODEL={model}: no recipe is for {task}; add one to recipes.yaml.")
    cells = dict.fromkeys(COLUMNS, "") | {"model": model, "recipe": recipes[0], "seeds": "0"}
    found, problems = [], []
    for dataset in DATASETS:
        row = cells | {"dataset": dataset, "overrides": f"augment.flip=false {overrides}"}
        try:
            found += expand_row(row, f"MODEL={model}", known)
        except ConfigError as problem:
            problems.append(problem)
    if not found:
        raise problems[0]
    return found[:2]


if __name__ == "__main__":
    sys.exit(main())
