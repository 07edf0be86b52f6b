"""Compare two results of a suite: what changed in rows, numbers and costs, and whether it means anything.

python -m nets.jobs.changed --first results/quick --second elsewhere/results/quick --output changed
"""

import argparse
import sys
from pathlib import Path

from nets.errors import UserError
from nets.files import atomic
from nets.jobs.common import print_lines, run_job
from nets.record.contrast import contrast
from nets.record.contrast_page import lines, page, table
from nets.trust import refuse_links


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and compare; with --strict, the exit status is 1 if something got worse."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.changed", description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=Path, required=True, help="folder of the earlier results, A")
    parser.add_argument("--second", type=Path, required=True, help="folder of the later results, B")
    parser.add_argument("--output", type=Path, required=True, help="the page and the CSV, without their endings")
    parser.add_argument("--strict", action="store_true", help="end with an error if something got worse")
    args = parser.parse_args(argv)
    return run_job(lambda: compare(args))


def compare(args: argparse.Namespace) -> None:
    """Write the page and the CSV, and print what has changed. Raises UserError if it got worse, and that counts."""
    for folder in (args.first, args.second):
        refuse_links(folder)
    found = contrast(args.first, args.second)
    for ending, text in ((".html", page(found)), (".csv", table(found))):
        with atomic(args.output.with_name(args.output.name + ending)) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print_lines([*lines(found), f"The page: {args.output}.html; every number: {args.output}.csv"])
    if args.strict and found.worse:
        raise UserError(f"{len(found.worse)} got worse; the lines above name them.")


if __name__ == "__main__":
    sys.exit(main())
