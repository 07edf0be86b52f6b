"""Say where a suite's report is, and which of its runs are holes.

python -m nets.jobs.summary --results results/quick
"""

import argparse
import json
import sys
from pathlib import Path

from nets.jobs.common import run_job


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and summarise."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.summary", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    args = parser.parse_args(argv)
    return run_job(lambda: print(summary(args.results)))


def summary(results: Path) -> str:
    """A line for every hole, and one for the report."""
    names = (results / "runs.txt").read_text().split()
    found = [json.loads((results / "runs" / name / "metrics.json").read_text()) for name in names]
    holes = [f"  {run['run']}  {run['status']}: {run['reason']}" for run in found if run["status"] != "ok"]
    if holes:
        holes = [f"{len(holes)} of {len(names)} runs are holes; RETRY=1 tries them again:", *holes]
    return "\n".join([*holes, f"The report: {results}/report.html"])


if __name__ == "__main__":
    sys.exit(main())
