"""The plan of a table, as printed for people."""

import subprocess
import sys

from nets.jobs import plan
from nets.suite.catalogues import ROOT


def test_a_reader_that_has_enough_is_no_error():
    command = [sys.executable, "-m", "nets.jobs.plan", "--table", str(ROOT / "config/full.tsv"), "--seconds=0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_misspelt_suite_is_told_with_the_nearest(capsys):
    assert plan.main(["--suite", "qick"]) == 1
    assert "unknown suite; did you mean 'quick'?" in capsys.readouterr().err
