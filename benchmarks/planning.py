"""What a large table costs before anything runs: `make plan` against Snakemake's dry run, which plans the jobs too.

Each command is a process of its own, and rows have five seeds.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import ROOT, Curves, Findings, Place, Side, clock, compare

SEEDS = 5  # per row
SIZES = (300, 1000, 3000, 10_000)  # runs
ONCE = 3000  # runs from which on each side has one turn


def measure(place: Place) -> Findings:
    """Both commands by number of runs."""
    found = Findings("`snakemake -n --quiet`")
    for runs in place.some(SIZES, 1):
        table = write_table(place.folder, runs // SEEDS)
        settings = ["--cores", "1", "--directory", str(place.folder), "--config", f"table={table}"]
        plan = command("nets.jobs.plan", "--table", str(table))
        dry = command("snakemake", "-n", "--quiet", *settings)
        rounds = 1 if runs >= ONCE else 3
        found.comparisons.append(compare(f"planning: {runs:,} runs", plan, dry, rounds, warm=False))
    sizes = dict(zip(SIZES, found.comparisons, strict=False))
    lines = {
        "make plan": {float(runs): min(s.cpu for s in each.ours) for runs, each in sizes.items()},
        "snakemake -n": {float(runs): min(s.cpu for s in each.other) for runs, each in sizes.items()},
    }
    found.curves.append(Curves("Planning", "runs in the table", "seconds of CPU", lines))
    return found


def write_table(folder: Path, rows: int) -> Path:
    """A table of LeNet-5 with that many rows, each with its own learning rate."""
    lines = ["model\tdataset\tvariant\trecipe\tseeds\toverrides"]
    lines += [
        f"lenet5\tmnist5k\tlr{n}\tlenet5\t0-{SEEDS - 1}\toptimizer.lr={0.001 + n * 1e-5:.5f}" for n in range(rows)
    ]
    (folder / "big.tsv").write_text("\n".join(lines))
    return folder / "big.tsv"


def command(module: str, *words: str) -> Side:
    """A side that runs a Python module in its own process. Exits with the process's words if it fails."""

    def run() -> None:
        ended = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"python -m {module} {' '.join(words)} failed: {ended.stderr.strip()}")

    return lambda: clock(run)
