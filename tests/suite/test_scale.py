"""A table of ten thousand runs expands, is checked and planned in little memory."""

import re
import subprocess
import sys

from benchmarks.planning import write_table
from nets.suite.catalogues import ROOT

LIMIT = 2**20  # KiB, for ten thousand runs
PLAN = """
import sys
from nets.jobs.plan import main
main(["--table", sys.argv[1]])
"""
DRY_RUN = """
import contextlib, sys
from snakemake.cli import main
with contextlib.suppress(SystemExit):
    main(["-n", "--cores", "1", "--directory", sys.argv[2], "--config", "table=" + sys.argv[1]])
"""


def peak(script, folder, rows):
    """What a script says of a table of that many rows of five seeds, and the most memory that it had, in KiB."""
    script += 'print(open("/proc/self/status").read())'
    command = [sys.executable, "-c", script, str(write_table(folder, rows)), str(folder)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout + found.stderr, int(re.search(r"VmHWM:\s+(\d+) kB", found.stdout)[1])


def test_ten_thousand_runs(tmp_path):
    said, memory = peak(PLAN, tmp_path, rows=2000)
    assert "10000 runs: 10000 classification" in said
    assert memory < LIMIT


def test_what_snakemake_needs_for_a_thousand_more(tmp_path):
    _, start = peak(DRY_RUN, tmp_path, rows=1)
    said, memory = peak(DRY_RUN, tmp_path, rows=201)
    assert re.search(r"^total +3022$", said, re.M), said[-2000:]  # three jobs a run, and seven for all
    assert start + 10 * (memory - start) < LIMIT
