"""Measure how fast nets is, side by side with other ways, and write or check docs/benchmarks.md.

make bench              everything: writes docs/benchmarks.md, .json and .svg
make bench ONLY=loop    one benchmark, and its part of the page
make bench QUICK=1      a sample within two minutes; fails where a ratio has fallen by more than a fifth
"""

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import page
from benchmarks.measuring import Findings, Place, describe_machine, describe_moment, say

# By name: the module that measures it, in the order of the page. Each has `measure(Place) -> Findings`, and a docstring
# that begins its section.
BENCHES = {
    "loop": "benchmarks.loop",
    "dataloader": "benchmarks.dataloader",
    "input": "benchmarks.input_pipeline",
    "keras": "benchmarks.teaching",
    "fidelity": "benchmarks.fidelity",
    "startup": "benchmarks.startup",
    "planning": "benchmarks.planning",
    "cost": "benchmarks.cost",
}
FALL = 0.2  # of its committed value, by which a ratio may fall


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, measure, and write, print or compare."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=BENCHES, metavar="NAME", help=f"one of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="a sample, compared with the committed ratios")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page of the committed numbers")
    args = parser.parse_args(argv)
    if args.page:
        page.write(page.committed(), texts())
        return 0
    names = [args.only] if args.only else list(BENCHES)
    settle()
    if args.quick:
        return check({name: run(name, True) for name in names})
    machine, committed = describe_machine(), page.committed()
    kept = args.only is None or committed["machine"] in (None, machine)
    if args.only is None and committed["machine"] != machine:
        page.write({"machine": machine, "benchmarks": {}}, texts())
    for name in names:
        part = page.part(run(name, False), describe_moment())
        print(page.section(name, texts()[name], part), flush=True)
        if kept:
            page.write({"machine": machine, "benchmarks": page.committed()["benchmarks"] | {name: part}}, texts())
    if not kept:
        print("docs/benchmarks.md is of another machine or other packages, so it stays; make bench writes it anew.")
    return 0


def texts() -> dict[str, str]:
    """What each benchmark says of itself, by name."""
    return {name: importlib.import_module(module).__doc__ or "" for name, module in BENCHES.items()}


def settle() -> None:
    """Set torch as in a job with one thread, before anything is measured."""
    os.environ |= {"OMP_NUM_THREADS": "1"}  # also for processes that are started
    from nets.training.numerics import choose_device

    choose_device(1)


def run(name: str, quick: bool) -> Findings:
    """Measure one benchmark in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="nets-bench-") as folder:
        found = importlib.import_module(BENCHES[name]).measure(Place(Path(folder), quick))
    if found.skipped:
        say(f"{name}: {found.skipped}")
    return found


def check(found: dict[str, Findings]) -> int:
    """Compare ratios with the committed ones; what has fallen is measured a second time. Returns the exit status."""
    committed = page.ratios(page.committed())
    if page.committed()["machine"] != describe_machine():
        say("docs/benchmarks.json is of another machine or other packages; a ratio may differ for that reason alone.")
    fallen = falls(found, committed)
    if fallen:
        again = {name: run(name, True) for name in {each.partition(":")[0] for each in fallen}}
        second = falls(again, committed)
        fallen = {name: sentence for name, sentence in second.items() if name in fallen}
    for sentence in fallen.values():
        print(sentence, file=sys.stderr)
    if not fallen:
        count = sum(each.name in committed for findings in found.values() for each in findings.comparisons)
        print(f"None of {count} ratios is more than a fifth below that of docs/benchmarks.json.")
    return 1 if fallen else 0


def falls(found: dict[str, Findings], committed: dict[str, float]) -> dict[str, str]:
    """By name of a comparison: a sentence for each ratio that is too far below its committed value."""
    return {
        each.name: f"{each.name}: the ratio to the {findings.other} has fallen from {committed[each.name]:.2f} to "
        f"{each.ratio:.2f}; find what has become slower, or commit a new docs/benchmarks.json and say why."
        for findings in found.values()
        for each in findings.comparisons
        if each.name in committed and each.ratio < (1 - FALL) * committed[each.name]
    }


if __name__ == "__main__":
    sys.exit(main())
