"""Prepare one data set: find a source, verify it, and write the arrays that training maps into memory.

python -m nets.jobs.prepare --dataset mnist5k --output results/data/mnist5k
"""

import argparse
import sys
import time
from pathlib import Path

from nets.data.preparation import in_words, prepare
from nets.jobs.common import run_job
from nets.suite.catalogues import ROOT, load_catalogue, load_entry, look_up
from nets.suite.keys import data_source, record


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and prepare."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.prepare", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, metavar="NAME", help="name in the catalogue")
    parser.add_argument("--output", required=True, type=Path, help="folder, such as results/data/<dataset>")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--entry", type=Path, help="JSON or YAML file that holds only the entry")
    catalogue = ROOT / "config/datasets.yaml"
    source.add_argument(
        "--catalogue", type=Path, default=catalogue, help="the catalogue (default: config/datasets.yaml)"
    )
    args = parser.parse_args(argv)
    return run_job(
        lambda: print(prepare_from(args.dataset, args.entry, args.catalogue, args.output)), folder=args.output
    )


def prepare_from(name: str, file: Path | None, catalogue: Path, output: Path) -> str:
    """Prepare the data set of an entry; returns a line about the result, and one for each note on the data."""
    start = time.perf_counter()
    if file:
        entry = load_entry(file, name, "datasets")
    else:
        entry = look_up(load_catalogue(catalogue, "datasets"), name, str(catalogue))
    record(output, "prepare", {"entry": entry, "source": data_source(entry).files})
    info = prepare(name, entry, output)
    line = f"{name}: {in_words(info)} ({time.perf_counter() - start:.1f} s)"
    return "\n".join([line, *(f"{name}: {note}" for note in info.get("look", {}).get("notes", ()))])


if __name__ == "__main__":
    sys.exit(main())
