"""Which stages of a run would run again, and why: Snakemake's plan, explained with what has changed since they ran."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from nets.errors import UserError, suggest
from nets.run import Run
from nets.suite import changes, paths
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table

STAGES = ("weights", "prepare", "train", "reference", "evaluate", "repeat", "draw")
OF_FILES = {  # Snakemake's reasons about files, in our words
    "Missing output files": "missing",
    "Incomplete output files": "incomplete",
    "Updated input files": "newer than what was made from them",
}
REASONS = {  # its other reasons
    "Input files updated by another job": "what it reads is made again",
    "Set of input files has changed": "it reads other files",
    "Code has changed": "its rule has changed",
    "Software environment": "environment.yml has changed",
    "Forced execution": "it is forced",
}


class Job(NamedTuple):
    """A job that Snakemake would run."""

    rule: str
    wildcards: dict[str, str]
    reason: str  # Snakemake's


def why(name: str, setting: dict[str, str], torch_version: str) -> str:
    """One line that names what would run again, then one per stage with the reasons. Raises UserError."""
    table = find_table(setting)
    runs = {run.name: run for run in load_runs(table)}
    if name not in runs:
        raise UserError(f"{table} has no run {name}; {suggest(name, runs)}")
    results = paths.results_of(table)
    jobs = planned(results, runs[name], setting)
    if not jobs:
        return f"Nothing would rerun {name}.{torch_alone(results, runs[name], torch_version)}"
    lines = [f"  {title(job, name)}: {'; '.join(causes(results, job, runs, torch_version))}." for job in jobs]
    titles = [title(job, name) for job in jobs]
    last = " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))
    return "\n".join([f"{name}: {last} would run.", *lines])


def planned(results: str, run: Run, setting: dict[str, str]) -> list[Job]:
    """The jobs that Snakemake would run for all results of a run, in order. Raises UserError if it cannot plan."""
    words = [f"{key}=|2-\n  {value}" for key, value in setting.items()]  # YAML for a text as it is
    command = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--dry-run"]
    command += ["--cores", "1", "--quiet", "host", "--config", *words, "--", *paths.run_files(results, run.name)]
    dry_run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if dry_run.returncode:
        raise UserError(f"Snakemake can't plan {run.name}: {dry_run.stdout.strip().splitlines()[-1]}")
    jobs: list[Job] = []
    for block in re.split(r"\n(?=(?:local)?rule \w+:)", dry_run.stdout):
        rule = re.match(r"(?:local)?rule (\w+):", block)
        if rule and rule[1] in STAGES:
            wildcards = re.search(r"^    wildcards: (.+)$", block, re.M)
            reason = re.search(r"^    reason: (.+)$", block, re.M)
            pairs = dict(pair.split("=") for pair in wildcards[1].split(", ")) if wildcards else {}
            jobs.append(Job(rule[1], pairs, reason[1] if reason else ""))
    return sorted(jobs, key=lambda job: (job.wildcards.get("run") == run.name, STAGES.index(job.rule)))


def title(job: Job, name: str) -> str:
    """'train' for the run itself; with the subject for anything else: 'train lenet5-mnist5k-extractor-s0'."""
    subject = "-".join(value for value in job.wildcards.values() if value != name)
    return f"{job.rule} {subject}".strip()


def causes(results: str, job: Job, runs: dict[str, Run], torch_version: str) -> list[str]:
    """The reasons why a job would run, as clauses."""
    try:
        changed = changes.since(results, job.rule, job.wildcards, runs, torch_version)
    except LookupError:
        if job.rule != "weights" and "Missing output files" in job.reason:
            return ["it has not run yet"]
        changed = []
    for part in job.reason.split("; "):
        words, _, files = part.partition(": ")
        if words in OF_FILES:
            names = [Path(file).name for file in files.split(", ")]
            changed.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {OF_FILES[words]}")
        changed += [clause for start, clause in REASONS.items() if part.startswith(start)]
    return changed or ["its parameters have changed, and no note says what they were"]


def torch_alone(results: str, run: Run, version: str) -> str:
    """A sentence if another version of torch trained the run; that alone reruns nothing."""
    try:
        clauses = changes.since(results, "train", {"run": run.name}, {run.name: run}, version)
    except LookupError:
        return ""
    return "".join(f" But {clause}; delete its folder to train it anew." for clause in clauses if "torch was" in clause)
