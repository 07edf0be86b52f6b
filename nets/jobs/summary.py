"""Say where a suite's report is, and which of its runs are holes.

python -m nets.jobs.summary --results results/quick
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

from nets.jobs.common import run_job

FAILED = re.compile(  # a command in Snakemake's log
    r"Command '(?P<command>.*?python -m nets\.jobs\.(?P<job>\w+) .*)' (?:returned non-zero exit status|died with)"
)
SUBJECT = re.compile(r"(?:--run-dir|--dataset|--weights|--results) (\S+)")
OWN_LOG = re.compile(r"(?:--log|\| tee) (\S+)")


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


def failures(log: str, tries: int) -> list[str]:
    """A line for every command that failed in all its tries, with the reason that its own log gives."""
    found = []
    for (command, job), times in Counter(FAILED.findall(log)).items():
        if times < tries:
            continue  # a later one went well, or is another Snakemake's
        subject, path = SUBJECT.search(command), OWN_LOG.search(command)
        name = f" {Path(subject[1]).name}" if subject else ""
        found.append(f"  {job}{name}: {reason(Path(path[1])) if path else 'see above'}")
    return [f"{len(found)} job{'s' if len(found) > 1 else ''} failed:", *found] if found else []


def reason(path: Path) -> str:
    """What a job's log says last; of a stack trace, what comes after its frames."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback ")]
    end = lines[starts[-1] + 1 :] if starts else []
    said = next((line for line in end if line[:1].strip()), None)
    said = said or next((line for line in reversed(lines) if line.strip()), "it left no word")
    return f"{said.strip()} ({path})"


if __name__ == "__main__":
    sys.exit(main())
