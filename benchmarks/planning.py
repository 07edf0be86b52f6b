"""What a large table costs before anything runs: in this project's own planning, and in Snakemake's dry run.

    python -m benchmarks.planning --runs 10000

Each command is a process of its own, with its seconds and its peak memory. Ratios are to this project's planning.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEEDS = 5  # per row


def main() -> None:
    """Time both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000, help=f"in rows of {SEEDS} seeds (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder), args.runs // SEEDS)
        snakemake = ["snakemake", "-n", "--cores", "1", "--directory", folder, "--config", f"table={table}"]
        commands = {
            "`make plan`": ["nets.jobs.plan", "--table", str(table)],
            "`snakemake -n --quiet`": [*snakemake, "--quiet"],
            "`snakemake -n`, each job listed": snakemake,
        }
        costs = {name: measure([sys.executable, "-m", *words]) for name, words in commands.items()}
    print(f"| {args.runs:,} runs | seconds | MB | ratio |\n|---|---:|---:|---:|")
    first = next(iter(costs.values()))[0]
    for name, (seconds, memory) in costs.items():
        print(f"| {name} | {seconds:.1f} | {memory:.0f} | {seconds / first:.1f} |")


def write_table(folder: Path, rows: int) -> Path:
    """A table of LeNet-5 with that many rows, each with its own learning rate."""
    lines = ["model\tdataset\tvariant\trecipe\tseeds\toverrides"]
    lines += [
        f"lenet5\tmnist5k\tlr{n}\tlenet5\t0-{SEEDS - 1}\toptimizer.lr={0.001 + n * 1e-5:.5f}" for n in range(rows)
    ]
    (folder / "big.tsv").write_text("\n".join(lines))
    return folder / "big.tsv"


def measure(command: list[str]) -> tuple[float, float]:
    """The seconds of a command, and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed: {errors}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000  # KiB on Linux


if __name__ == "__main__":
    main()
