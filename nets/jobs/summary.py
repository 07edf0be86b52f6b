"""Say where a suite's report is, and which of its runs are holes.

python -m nets.jobs.summary --results results/quick
"""

import argparse
import json
import re
import sys
from pathlib import Path

from nets.jobs.common import run_job

FAILED = re.compile(  # a command in Snakemake's log that was not tried again
    r"python -m nets\.jobs\.(\w+) (--run-dir|--dataset) (\S+)"
    r".*returned non-zero exit status \d+\.\n(?!Trying to restart)"
)


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


def failures(log: str) -> list[str]:
    """A line for every job of a run or data set that failed for good, with the last line of its own log."""
    found = []
    for job, option, name in dict.fromkeys(FAILED.findall(log)):
        path = Path(name) / f"logs/{job}.log" if option == "--run-dir" else Path("results/data") / name / f"{job}.log"
        lines = path.read_text().split("\n") if path.exists() else []
        reason = next((line.strip() for line in reversed(lines) if line.strip()), "no reason was recorded")
        found.append(f"  {job} {Path(name).name}: {reason} ({path})")
    return [f"{len(found)} job{'s' if len(found) > 1 else ''} failed:", *found] if found else []


if __name__ == "__main__":
    sys.exit(main())
