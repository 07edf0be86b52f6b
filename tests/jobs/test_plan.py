"""The plan of a table, as printed for people."""

import subprocess
import sys

import pytest

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


def test_names_are_those_of_a_suite_that_has_started(capsys):
    for words in (["--suite", "quick", "--names", "runs.txt"], ["--runs-from", "runs.jsonl"]):
        with pytest.raises(SystemExit):
            plan.main(words)
        assert capsys.readouterr().err.endswith("error: --names and --runs-from go together\n")
