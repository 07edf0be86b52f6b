"""Write a trained network as an ONNX file that takes images (uint8), and compare onnxruntime's answers with torch's.

python -m nets.jobs.export --run results/quick/runs/lenet5-mnist5k-s0
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.onnx_export import export


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.export", description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of a run, or one of its files of weights")
    parser.add_argument("--to", type=Path, help="the file (default: model.onnx in the run's folder)")
    args = parser.parse_args(argv)
    inside = args.run if args.run.is_dir() else args.run.parent
    return run_job(lambda: print(export(args.run, args.to or inside / "model.onnx")))


if __name__ == "__main__":
    sys.exit(main())
