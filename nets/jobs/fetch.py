"""Say which data sets and weights of a suite are here, and how to supply the others.

python -m nets.jobs.fetch results/data/*/dataset.json results/weights/*.json
"""

import argparse
import json
import sys
from pathlib import Path

from nets.jobs.common import run_job


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and say."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.fetch", description=__doc__.splitlines()[0])
    parser.add_argument("notes", type=Path, nargs="*", help="what the rules prepare and fetch wrote")
    args = parser.parse_args(argv)
    return run_job(lambda: print(supplies(args.notes)))


def supplies(notes: list[Path]) -> str:
    """A line for each data set and each set of weights."""
    found = {}
    for path in notes:
        name = path.parent.name if path.name == "dataset.json" else path.stem
        found[name] = json.loads(path.read_text())
    width = max(map(len, found), default=0)
    lines = [f"{name:{width}}  {'here' if note['status'] == 'ok' else note['reason']}" for name, note in found.items()]
    missing = sum(note["status"] != "ok" for note in found.values())
    return "\n".join([*lines, f"{missing} of {len(found)} are missing." if missing else "All is here."])


if __name__ == "__main__":
    sys.exit(main())
