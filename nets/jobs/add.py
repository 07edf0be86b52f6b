"""Add a network or a data set of your own beside your table: its file, its entry, a row and a test.

python -m nets.jobs.add --model my_net --dataset mnist5k
python -m nets.jobs.add --new-dataset pets --from pictures/pets
"""

import argparse
import sys
import tempfile
from pathlib import Path

from nets.data.preparation import in_words, prepare
from nets.data.proposal import propose
from nets.jobs.common import run_job
from nets.suite.additions import BEGINNINGS, TABLE, new_dataset, new_model


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and add."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.add", description=__doc__.splitlines()[0])
    new = parser.add_mutually_exclusive_group(required=True)
    new.add_argument("--model", metavar="NAME", help="add a network of this name")
    new.add_argument("--new-dataset", metavar="NAME", help="add a data set of this name")
    parser.add_argument("--from", dest="folder", type=Path, help="the folder of its images")
    parser.add_argument("--task", default="classification", help=f"of the network: {', '.join(BEGINNINGS)}")
    parser.add_argument("--dataset", help="what the network is trained on first")
    parser.add_argument("--table", type=Path, default=TABLE, help=f"your table (default: {TABLE})")
    args = parser.parse_args(argv)
    if args.new_dataset and not args.folder:
        parser.error("--from: name the folder of the images")
    return run_job(lambda: add(args))


def add(args: argparse.Namespace) -> None:
    """Add, and say what was written and what to do next."""
    if args.model:
        written = new_model(args.table, args.model, args.task, args.dataset).write()
        then = [f"make check MODEL={args.model} TABLE={args.table}", f"make run TABLE={args.table}"]
    else:
        addition = new_dataset(args.table, args.new_dataset, look(args.new_dataset, args.folder))
        written, then = addition.write(), [f"make run TABLE={args.table}"]
    print(f"Written: {', '.join(map(str, written))}")
    print("Next: " + "; ".join(then))


def look(name: str, folder: Path) -> dict:
    """The proposed entry, after its images have been prepared and looked at; prints what was found."""
    entry, found = propose(name, folder)
    with tempfile.TemporaryDirectory() as scratch:
        info = prepare(name, entry, Path(scratch))
    print("\n".join([*found, f"prepared: {in_words(info)}", *(f"note: {n}" for n in info["look"]["notes"])]))
    return entry


if __name__ == "__main__":
    sys.exit(main())
