"""Check a model before it trains: its contract with training, evaluation and checkpoints, and its convolutions here.

python -m nets.jobs.check --model resnet18 --overrides "model.width=0.125"
"""

import argparse
import os
import sys
from pathlib import Path

from nets.contract_checks import build, results
from nets.errors import UserError
from nets.jobs.common import run_job
from nets.suite.examples import examples
from nets.training.numerics import choose_device

WIDTH = 22  # of the checks' names


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and check."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.check", description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a name of models.yaml")
    parser.add_argument("--overrides", default="", help="as in a row of a table, such as model.width=0.125")
    parser.add_argument(
        "--table", type=Path, help="your own table: its rows of the model are checked, with the catalogues beside it"
    )
    args = parser.parse_args(argv)
    if args.table:
        os.environ["NETS_CATALOGUES"] = str(args.table.parent)
    return run_job(lambda: check(args.model, args.overrides, args.table))


def check(model: str, overrides: str, table: Path | None) -> None:
    """Print a line for each check: what it found, or what is wrong and what to do. Raises UserError if one fails."""
    choose_device(threads=1)  # before anything is computed: a fork loses other threads
    runs = examples(model, overrides, table)
    shown = ", ".join(dict.fromkeys(run.dataset for run in runs))
    print(f"{model} for images like those of {shown}:", flush=True)
    failed = []
    for name, found, wrong in results(runs):
        print(f"  {name:{WIDTH}}{f'FAILED. {wrong}' if wrong else f'ok: {found}'}", flush=True)
        failed += [name] if wrong else []
    for warning in () if failed else dict.fromkeys(each for run in runs[:2] for each in build(run).check()):
        print(f"  {'note':{WIDTH}}{warning}")
    if failed:
        raise UserError(
            f"{model} fails {len(failed)} of the checks ({', '.join(failed)}); the lines above say what to do."
        )


if __name__ == "__main__":
    sys.exit(main())
