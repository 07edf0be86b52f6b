"""What Snakemake itself costs while it runs a large table: jobs that do nothing, in the shape of this workflow.

    python -m benchmarks.running --runs 500 1000 2000    # on this machine
    python -m benchmarks.running --runs 500 --slurm      # on a Slurm that is started for it (tests/slurm/cluster.py)
    python -m benchmarks.running --runs 200 --plain      # Snakemake as it is, without workflow/rules/snakemake.smk

Each run is three jobs that make empty files: the rules' work takes no time, so what is left is Snakemake's. CPU is user
and system time of its process, without the jobs. A job on Slurm would start Snakemake three times, which is not what is
measured; here a shell script makes its files, and the three jobs of a run are one job on Slurm.
"""

import argparse
import contextlib
import os
import re
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RULES = ROOT / "workflow/rules"
SNAKEFILE = """
RUNS = range(config["runs"])
TRAINED = "config", "manifest", "history", "weights", "snapshots"
rule all:
    input: "report"
rule train:
    output: *[f"runs/{{run}}/{name}" for name in TRAINED]
    group: config.get("group")
    resources: gpu=1
    shell: "touch {output}"
rule evaluate:
    input: *[f"runs/{{run}}/{name}" for name in ("config", "manifest", "weights")]
    output: "runs/{run}/metrics", "runs/{run}/arrays"
    group: config.get("group")
    resources: gpu=1
    shell: "touch {output}"
rule draw:
    input: *[f"runs/{{run}}/{name}" for name in ("metrics", "history", "snapshots", "arrays")]
    output: directory("runs/{run}/figures")
    group: config.get("group")
    shell: "mkdir {output}"
rule collect:
    input: expand("runs/{run}/metrics", run=RUNS)
    output: "metrics"
    localrule: True
    shell: "touch {output}"
rule report:
    input: "metrics", expand("runs/{run}/figures", run=RUNS)
    output: "report"
    localrule: True
    shell: "touch {output}"
"""
PATCHED = f"""
import os, re, sys
from pathlib import Path
include: "{RULES}/package.smk"
include: "{RULES}/snakemake.smk"
"""
# On Slurm, the program that makes the files of a job takes the place of the Python that would start Snakemake.
SUBMITTED = """
from snakemake_executor_plugin_slurm import Executor
Executor.get_python_executable = lambda self: config["maker"]
"""
MAKER = """#!/bin/sh
for word; do
  run="runs/${word#*=}"
  case "$word" in
    train:run=*) mkdir -p "$run" && for name in config manifest history weights snapshots; do : > "$run/$name"; done ;;
    evaluate:run=*) mkdir -p "$run" && : > "$run/metrics" && : > "$run/arrays" ;;
    draw:run=*) mkdir -p "$run/figures" ;;
  esac
done
"""


class Sample(NamedTuple):
    """Snakemake's process when a number of jobs have ended: CPU in seconds, threads, and its peak memory in MB."""

    jobs: int
    cpu: float
    threads: int
    memory: float


def main() -> None:
    """Run each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[500, 1000, 2000], help="(default: %(default)s)")
    parser.add_argument("--plain", action="store_true", help="without this project's changes of Snakemake")
    parser.add_argument("--slurm", action="store_true", help="submit the jobs to a Slurm started on this machine")
    args = parser.parse_args()
    heads = "runs", "jobs", "start (CPU s)", "ms per job", "first fifth", "last fifth", "threads", "MB", "end (s)"
    print(f"| {' | '.join(heads)} |\n{'|---:' * len(heads)}|")
    for runs in args.runs:
        started = runpy.run_path(str(ROOT / "tests/slurm/cluster.py"))["Cluster"]
        slurm = started if args.slurm else contextlib.nullcontext
        with tempfile.TemporaryDirectory() as folder, slurm() as cluster:
            samples, end = run(Path(folder), runs, args.plain, cluster.environment if cluster else None)
        print(line(runs, samples, end), flush=True)


def run(
    folder: Path, runs: int, plain: bool = False, slurm: dict[str, str] | None = None
) -> tuple[list[Sample], float]:
    """Run that many runs in a folder.

    `slurm` is the environment in which a Slurm is reached. Returns a sample for each job or
    group of jobs that ended, and the seconds from the last one to the end of Snakemake.
    """
    (folder / "Snakefile").write_text(("" if plain else PATCHED) + (SUBMITTED if slurm else "") + SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder), "--snakefile", str(folder / "Snakefile")]
    command += ["--workflow-profile", str(ROOT / "profiles" / ("slurm" if slurm else "default"))]
    settings = [f"runs={runs}"]
    if slurm:
        (folder / "maker").write_text(MAKER)
        (folder / "maker").chmod(0o755)
        settings += [f"maker={folder}/maker", "group=run"]
        command += ["--slurm-init-seconds-before-status-checks", "1", "--group-components", "run=1"]
    else:
        command += ["--cores", "2", "--resources", "gpu=2"]
    if plain:
        command += ["--scheduler", "ilp"]  # the default of Snakemake
    samples, ended, output = [], time.monotonic(), []
    words = [*command, "--config", *settings]
    with subprocess.Popen(
        words, env=slurm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as process:
        for text in process.stdout or ():
            output.append(text)
            if done := re.match(r"(\d+) of \d+ steps", text):
                samples.append(sample(process.pid, int(done[1])))
                ended = time.monotonic()
    if process.returncode:
        raise SystemExit("".join(output[-30:]))
    return samples, time.monotonic() - ended


def sample(process: int, jobs: int) -> Sample:
    """Look at a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, after pid and name
    status = dict(re.findall(r"^(\w+):\s+(\d+)", Path(f"/proc/{process}/status").read_text(), re.M))
    return Sample(jobs, cpu, int(status["Threads"]), int(status["VmHWM"]) / 1000)  # KiB


def cost(samples: list[Sample], start: float, end: float) -> float:
    """CPU in ms per job, between two parts of all jobs, 0..1. The last jobs, which wait for all, do not count."""
    inside = samples[int(start * (len(samples) - 3)) : int(end * (len(samples) - 3)) + 1]
    return 1000 * (inside[-1].cpu - inside[0].cpu) / (inside[-1].jobs - inside[0].jobs)


def line(runs: int, samples: list[Sample], end: float) -> str:
    """A line of the table."""
    parts = [f"{cost(samples, *part):.1f}" for part in ((0, 1), (0, 0.2), (0.8, 1))]
    most = [max(s.threads for s in samples), round(samples[-1].memory)]
    cells = [f"{runs:,}", f"{samples[-1].jobs:,}", f"{samples[0].cpu:.1f}", *parts, *most, f"{end:.1f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
