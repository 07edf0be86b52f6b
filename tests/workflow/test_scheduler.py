"""Snakemake's scheduler as `workflow/rules/snakemake.smk` changes it: passes, threads, jobs per time span."""

import re
import subprocess
import sys
import time

import pytest

from benchmarks import running
from nets.suite.catalogues import ROOT

RULES = ROOT / "workflow/rules/snakemake.smk"
COUNTED = """
class Counted(Scheduler):
    def job_selector(self, jobs):
        selected = super().job_selector(jobs)
        with open("passes.txt", "a") as file:
            print(len(jobs), len(selected), file=file)
        return selected

engine.JobScheduler = Counted
"""
MANY = """
rule all:
    input: expand("{n}.txt", n=range(config["jobs"]))
rule one:
    output: "{n}.txt"
    shell: "touch {output}"
"""


def snakemake(folder, snakefile, *arguments):
    (folder / "Snakefile").write_text(running.PATCHED + COUNTED + snakefile)
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder), "--snakefile", str(folder / "Snakefile")]
    command += ["--workflow-profile", str(ROOT / "profiles/default"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    passes = (folder / "passes.txt").read_text().split("\n")[:-1]
    return [[int(word) for word in line.split()] for line in passes]


def test_the_version_that_is_installed_is_known():
    """Before another version is added to KNOWN, read its job_scheduler.py and what that calls of dag.py."""
    (pinned,) = re.findall(r"^snakemake==([\d.]+)", (ROOT / "requirements.lock").read_text(), re.M)
    known = re.search(r"^KNOWN = (.*)$", RULES.read_text(), re.M)[1]
    assert f'"{pinned}"' in known


def test_no_thread_is_left_behind_by_a_job(tmp_path):
    samples, _ = running.run(tmp_path, runs=35)
    assert samples[-1].jobs == 3 * 35 + 3
    assert max(each.threads for each in samples) <= 2 + 5 + 1  # the local executor has 5 more than cores


@pytest.mark.parametrize("scheduler", ["greedy", "ilp"])
def test_a_pass_looks_at_a_part_of_the_jobs_that_could_start_and_all_run(tmp_path, scheduler):
    passes = snakemake(tmp_path, MANY, "--cores", "2", "--scheduler", scheduler, "--config", "jobs=100")
    assert len(list(tmp_path.glob("*.txt"))) == 100 + 1
    assert sum(selected for _, selected in passes) == 101
    assert max(offered for offered, _ in passes) == 32
    assert len(passes) <= 101 + 1


def test_where_there_is_room_for_more_than_a_pass_looks_at_more_start(tmp_path):
    passes = snakemake(tmp_path, MANY.replace("touch", "sleep 5; touch"), "--cores", "80", "--config", "jobs=80")
    assert [selected for _, selected in passes[:3]] == [32, 32, 16]


def test_jobs_per_time_span_are_limited(tmp_path):
    """The last jobs start although no end of a job wakes the scheduler."""
    start = time.monotonic()
    passes = snakemake(tmp_path, MANY, "--cores", "9", "--max-jobs-per-timespan", "2/2s", "--config", "jobs=5")
    assert time.monotonic() - start > 2 * 2
    assert sum(selected for _, selected in passes) == 6
    assert max(selected for _, selected in passes) == 2
