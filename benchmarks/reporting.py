"""What collecting, comparing, reporting and tracking cost by number of runs: copies of a run, with other numbers.

    python -m benchmarks.reporting --like results/quick/runs/lenet5-mnist5k-s0 --runs 500 2000

Each row of the copies has five seeds. Their descriptions, names, metrics and answers differ; weights, histories and
figures are the same files (hard links). Seconds are CPU time (user and system) of the job's process, so that other work
on the machine counts little; MB are its peak memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from nets.reporting.reading import read_arrays

ROOT = Path(__file__).parents[1]
SEEDS = 5  # per row
SPREAD = 0.02  # the standard deviation of a metric, relative to its value
CHANGED = 0.01  # the share of a classifier's answers that differ
JOBS = ("collect", "compare", "report", "track")


def main() -> None:
    """Make the results, run the jobs, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--like", type=Path, required=True, help="the folder of a finished run")
    parser.add_argument("--runs", type=int, nargs="+", default=[500, 2000], help="(default: %(default)s)")
    parser.add_argument("--jobs", nargs="+", default=JOBS, choices=JOBS, help="(default: all)")
    args = parser.parse_args()
    print("| job | runs | CPU seconds | MB | result (MB) |\n|---|---:|---:|---:|---:|")
    for runs in args.runs:
        with tempfile.TemporaryDirectory(dir=args.like.resolve().parents[2]) as folder:
            results = write_results(Path(folder) / "suite", args.like, runs)
            for job in args.jobs:
                seconds, memory, size = measure(job, results)
                print(f"| {job} | {runs:,} | {seconds:.1f} | {memory:.0f} | {size:.1f} |", flush=True)


def write_results(results: Path, like: Path, runs: int) -> Path:
    """A suite's results with that many copies of a run; data sets are those of the run's own suite."""
    random = np.random.default_rng(0)
    results.mkdir(parents=True)
    data = like.resolve().parents[2] / "data"
    if data.exists():
        (results.parent / "data").symlink_to(data)
    names = [
        write_run(results / "runs", like, row, seed, random) for row in range(runs // SEEDS) for seed in range(SEEDS)
    ]
    (results / "runs.txt").write_text("".join(f"{name}\n" for name in names))
    lines = [json.dumps(json.loads((results / "runs" / name / "config.json").read_text())) for name in names]
    (results / "runs.jsonl").write_text("\n".join(lines) + "\n")
    return results


def write_run(runs: Path, like: Path, row: int, seed: int, random: np.random.Generator) -> str:
    """A copy of a run under another name; returns the name."""
    config = json.loads((like / "config.json").read_text())
    variant = f"lr{row}"
    name = f"{config['model']}-{config['dataset']}-{variant}-s{seed}"
    folder = runs / name
    for path in like.rglob("*"):
        if path.is_file() and "checkpoints" not in path.parts:
            (folder / path.relative_to(like)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, folder / path.relative_to(like))
    config |= {"name": name, "variant": variant, "seed": seed}
    config["recipe"]["optimizer"]["lr"] = round(0.001 + row * 1e-5, 5)
    rewrite(folder / "config.json", config)
    metrics = json.loads((like / "metrics.json").read_text())
    metrics["run"] = name
    for entry in metrics["metrics"]:
        if entry["value"]:
            entry["value"] *= 1 - abs(random.normal(0, SPREAD))
    rewrite(folder / "metrics.json", metrics)
    manifest = json.loads((like / "manifest.json").read_text())
    rewrite(folder / "manifest.json", manifest | {"seconds": manifest["seconds"] * (1 + random.random())})
    arrays = read_arrays(like / "arrays.npz")
    if "predicted" in arrays:
        others = random.random(len(arrays["labels"])) < CHANGED
        arrays["predicted"] = np.where(others, random.permutation(arrays["labels"]), arrays["predicted"])
        (folder / "arrays.npz").unlink()
        np.savez_compressed(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    return name


def rewrite(path: Path, content: dict[str, Any]) -> None:
    """Write a file anew, so that the one that it is linked to stays."""
    path.unlink()
    path.write_text(json.dumps(content, indent=1))


def measure(job: str, results: Path) -> tuple[float, float, float]:
    """The CPU seconds of a job, its peak memory and the size of what it writes, in MB."""
    command = [sys.executable, "-m", f"nets.jobs.{job}", f"--results={results}", f"--runs-from={results}/runs.txt"]
    outputs = {"collect": "metrics.csv", "compare": "tables", "report": "report.html", "track": "mlflow.db"}
    if job in ("collect", "report"):
        command.append(f"--output={results / outputs[job]}")
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed: {errors}")
    path = results / outputs[job]
    written = [path, *path.with_suffix("").rglob("*")] if path.is_file() else path.iterdir()
    size = sum(file.stat().st_size for file in written if file.is_file())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, size / 1e6  # KiB on Linux


if __name__ == "__main__":
    main()
