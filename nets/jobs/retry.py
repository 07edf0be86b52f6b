"""Forget the holes of a suite, so that the next run of the workflow tries them again.

python -m nets.jobs.retry --results results/quick
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nets.jobs.common import run_job


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and forget."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.retry", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    parser.add_argument(
        "--fetched", action="store_true", help="forget only data sets and weights that could not be had"
    )
    args = parser.parse_args(argv)
    return run_job(lambda: forget_fetched(args.results) if args.fetched else forget(args.results))


def forget_fetched(results: Path) -> int:
    """Delete the notes of failure of data sets and weights, which suites share; returns their number."""
    return unlink([*results.parent.glob("data/*/dataset.json"), *results.parent.glob("weights/*.json")])


def unlink(notes: Iterable[Path]) -> int:
    """Delete those notes that tell of a failure, or are damaged; returns their number."""
    holes = [path for path in notes if read(path)["status"] != "ok"]
    for path in holes:
        path.unlink()
        name = path.stem if path.parent.name == "weights" else path.parent.name
        print(f"{name}: will be tried again")
    return len(holes)


def read(note: Path) -> dict[str, Any]:
    """What a note of an end says; of a damaged one, that it is."""
    damaged = {"status": "damaged"}
    try:
        return damaged | json.loads(note.read_text())
    except ValueError:
        return damaged


def forget(results: Path) -> None:
    """Delete the notes of failure of runs, data sets, weights and extractors; finished work stays."""
    holes = unlink([*results.glob("runs/*/manifest.json"), *results.glob("fidelity/*/reference.json")])
    holes += forget_fetched(results)
    for path in results.glob("runs/*/metrics.json"):  # Snakemake looks behind a file only if the file is gone
        content = read(path)
        if content["status"] != "ok" or any(metric["value"] is None for metric in content["metrics"]):
            path.unlink()
    if not holes:
        print("There are no holes to try again.")


if __name__ == "__main__":
    sys.exit(main())
