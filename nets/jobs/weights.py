"""Fetch and verify published weights. If they are not available, this is noted and is not an error.

python -m nets.jobs.weights --weights inception --output results/weights/inception.json
"""

import argparse
import sys
from pathlib import Path

from nets.data.weights import fetch
from nets.files import write_json
from nets.jobs.common import run_job
from nets.suite.catalogues import beside, look_up, merged


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and fetch."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.weights", description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True, metavar="NAME", help="an entry of weights.yaml")
    parser.add_argument("--output", type=Path, required=True, help="JSON note: where they are, or why they are missing")
    parser.add_argument("--file", type=Path, help="a local copy, which is verified too")
    parser.add_argument("--catalogues", type=Path, default=beside(), help="folder with your own weights.yaml")
    args = parser.parse_args(argv)
    return run_job(lambda: write_weights(args.weights, args.catalogues, args.file, args.output))


def write_weights(name: str, catalogues: Path, file: Path | None, output: Path) -> None:
    """Note where the weights of a catalogue's entry are, or why they are missing."""
    entry = look_up(merged("weights", catalogues), name, "weights.yaml")
    write_json(output, fetch(entry, file).to_json())


if __name__ == "__main__":
    sys.exit(main())
