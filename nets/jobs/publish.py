"""Take measured results into the record, docs/results/, and write the pages that are made from it.

python -m nets.jobs.publish --results results/quick [--run lenet5-mnist5k-s0]
"""

import argparse
import sys
from pathlib import Path

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.record.publish import publish, publish_suite, write_pages
from nets.record.recorded import RECORD
from nets.suite.catalogues import ROOT


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and publish."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.publish", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    parser.add_argument("--run", metavar="NAME", help="a run of it (default: all that have a result)")
    parser.add_argument("--record", type=Path, default=RECORD, help="the record (default: %(default)s)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout whose pages are written")
    args = parser.parse_args(argv)
    return run_job(lambda: record(args), folder=args.results)


def record(args: argparse.Namespace) -> None:
    """Publish, write the pages, and say what was done. Raises UserError if a run was refused."""
    refused: list[str] = []
    if args.run:
        lines = [f"{args.run}: {publish(args.results, args.run, args.record)}"]
    else:
        lines, refused = publish_suite(args.results, args.record)
    write_pages(args.record, args.root)
    print("\n".join(lines))
    for reason in refused:
        print(f"Not published: {reason}", file=sys.stderr)
    if refused:
        raise UserError(f"{len(refused)} of the runs {'is' if len(refused) == 1 else 'are'} not published.")


if __name__ == "__main__":
    sys.exit(main())
