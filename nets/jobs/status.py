"""Tell how a suite stands: runs done, running and failed, what each slot does, and the time left. Reads files only.

python -m nets.jobs.status --results results/quick
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from nets.errors import UserError
from nets.jobs.common import print_lines, run_job
from nets.machine.progress import duration
from nets.planning.plan import parse_slots
from nets.planning.standing import at_work, is_running, standing
from nets.run import read_runs
from nets.suite.typed import typed


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and tell."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.status", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    parser.add_argument("--slots", type=parse_slots, help="jobs at once, on a cluster (default: those of this machine)")
    args = parser.parse_args(argv)
    return run_job(lambda: print_lines(lines(args.results, args.slots)), folder=args.results)


def lines(results: Path, slots: int | None) -> Iterator[str]:
    """A line on the suite, and one for each job at work and each that failed. Raises UserError."""
    if not (results / "runs.jsonl").exists():
        raise UserError(f"{results} has no runs yet; start `make run {typed(results)}` first.")
    found = standing(read_runs(results / "runs.jsonl"), str(results), slots)
    busy = found.working or is_running()
    if not busy and found.left:
        yield f"Nothing is running; make run {typed(results)} takes about {duration(found.left)} for the rest."
    yield ", ".join(found.parts())
    for note in found.working:
        yield f"  {at_work(note)} ({note.content.get('host', 'unknown machine')})"
    for job, reason in found.failed.items():
        yield f"  failed: {job}: {reason}"


if __name__ == "__main__":
    sys.exit(main())
