"""A table of ten thousand runs is expanded, checked and planned in little memory."""

import re
import subprocess
import sys

from benchmarks.planning import write_table
from nets.suite.catalogues import ROOT

LIMIT = 2**20  # KiB, for ten thousand runs
PLAN = """
import sys
from nets.jobs.plan import main
main(["--table", sys.argv[1], "--seconds=0"])
"""
DRY_RUN = """
import contextlib, sys
from snakemake.cli import main
with contextlib.suppress(SystemExit):
    main(["-n", "--cores", "1", "--directory", sys.argv[2], "--config", "table=" + sys.argv[1]])
"""


def peak(script, folder, rows):
    """A script's output for a table of that many rows with five seeds, and its peak memory in KiB."""
    script += 'print(open("/proc/self/status").read())'
    command = [sys.executable, "-c", script, str(write_table(folder, rows)), str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr, int(re.search(r"VmHWM:\s+(\d+) kB", result.stdout)[1])


def test_ten_thousand_runs(tmp_path):
    output, memory = peak(PLAN, tmp_path, rows=2000)
    assert "10000 runs: 10000 classification" in output
    assert memory < LIMIT


def test_what_snakemake_needs_for_a_thousand_more(tmp_path):
    _, start = peak(DRY_RUN, tmp_path, rows=1)
    output, memory = peak(DRY_RUN, tmp_path, rows=201)
    assert re.search(r"^total +3022$", output, re.M), output[-2000:]  # three jobs per run, and seven for the suite
    assert start + 10 * (memory - start) < LIMIT
