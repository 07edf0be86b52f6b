"""Fetch and verify weights that others trained; what can't be had is noted, not fatal.

python -m nets.jobs.weights --weights inception --output results/weights/inception.json
"""

import argparse
import os
import sys
from pathlib import Path

from nets.data.weights import fetch
from nets.files import write_json
from nets.jobs.common import run_job
from nets.suite.catalogues import ROOT, load_catalogues, look_up


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and fetch."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.weights", description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True, metavar="NAME", help="an entry of weights.yaml")
    parser.add_argument("--output", type=Path, required=True, help="JSON that says where they lie, or why they don't")
    parser.add_argument("--file", type=Path, help="a file that has them; verified all the same")
    beside = Path(os.environ.get("NETS_CATALOGUES") or ROOT / "config")
    parser.add_argument("--catalogues", type=Path, default=beside, help="folder with your own weights.yaml")
    args = parser.parse_args(argv)
    return run_job(lambda: write_weights(args.weights, args.catalogues, args.file, args.output))


def write_weights(name: str, catalogues: Path, file: Path | None, output: Path) -> None:
    """Write where the weights of a catalogue's entry lie, or why they can't be had."""
    entry = look_up(load_catalogues(catalogues)["weights"], name, "weights.yaml")
    write_json(output, fetch(entry, file).to_json())


if __name__ == "__main__":
    sys.exit(main())
