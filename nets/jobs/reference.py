"""Measure a data set's real images once, in an extractor's features, for all generators that are compared with them.

    python -m nets.jobs.reference --data-dir results/data/mnist5k --output results/quick/fidelity/mnist5k-indomain \\
        --extractor results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json
"""

import argparse
import sys
from pathlib import Path

from nets.fidelity.reference import write_reference
from nets.jobs.common import known_inception, run_job
from nets.machine.memory import Crowded, again_alone, crowding
from nets.machine.slots import lease
from nets.suite.keys import record, stage_source
from nets.training.numerics import choose_device


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and extract."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.reference", description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="folder for reference.json and its arrays")
    parser.add_argument(
        "--extractor",
        type=Path,
        required=True,
        help="manifest.json of a classifier, or a note that nets.jobs.weights wrote",
    )
    parser.add_argument("--cache", type=Path, help="folder of features by content hash, which suites share")
    parser.add_argument(
        "--samples",
        type=int,
        nargs="+",
        default=[10_000],
        help="numbers of samples that the scale is for (default: 10000)",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--alone", action="store_true", help="take all slots of a device")
    args = parser.parse_args(argv)
    try:
        return run_job(lambda: refer(args), passed=(Crowded,), folder=args.output)
    except Crowded:
        again_alone("nets.jobs.reference", argv)


def refer(args: argparse.Namespace) -> None:
    """Extract on a leased device. Raises Crowded if memory runs out on a shared one."""
    with lease(alone=args.alone), crowding(args.alone):
        device = choose_device(args.threads)
        record(args.output, "reference", {"source": stage_source("reference").files})
        inception = "" if args.extractor.name == "manifest.json" else known_inception()
        write_reference(args.extractor, args.data_dir, args.output, args.samples, args.cache, device, inception)


if __name__ == "__main__":
    sys.exit(main())
