"""Tell which stages of a run would run again, and what has changed since they ran.

python -m nets.jobs.why --run lenet5-mnist5k-s0 --suite quick
"""

import argparse
import sys

from nets.jobs.common import run_job
from nets.suite.reruns import why


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and print the answer."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.why", description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, metavar="NAME", help="a run of the suite, as `make plan` lists them")
    suite = parser.add_mutually_exclusive_group()
    suite.add_argument("--suite", help="a suite of config/ (default: quick)")
    suite.add_argument("--table", help="a table of your own")
    args = parser.parse_args(argv)
    setting = {"table": args.table} if args.table else {"suite": args.suite or "quick"}
    return run_job(lambda: explain(args.run, setting))


def explain(run: str, setting: dict[str, str]) -> None:
    """Print the answer."""
    import torch

    print(why(run, setting, torch.__version__))


if __name__ == "__main__":
    sys.exit(main())
