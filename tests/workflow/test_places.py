"""Folders that cannot be written, and files that are missing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nets.errors import UserError
from nets.files import check_writable
from nets.suite.catalogues import ROOT


@pytest.fixture
def ordinary_user():
    """If the tests run as root, become an ordinary user, to whom permissions apply."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_read_only_results_folder_stops_before_anything_runs(ordinary_user):
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.mkdir(mode=0o555)
        check_writable(Path(folder) / "elsewhere/quick")
        with pytest.raises(UserError, match=r"results can't be written; allow it, or choose another folder with --dir"):
            check_writable(results / "quick")


def test_a_file_where_the_results_should_be(project):
    obstacle = project.work / "obstacle"
    obstacle.mkdir(exist_ok=True)
    (obstacle / "results").write_text("")
    result = project.snakemake("-n", "--directory", str(obstacle))
    assert result.returncode != 0
    assert "results is a file where a folder should be; move it away." in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize("job", ["train", "evaluate"])
def test_a_job_without_its_files_says_which_is_missing(job, tmp_path):
    command = [sys.executable, "-m", f"nets.jobs.{job}", "--run-dir", str(tmp_path), "--data-dir", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "config.json: No such file or directory; make it with the rule that writes it" in result.stderr
    assert "Traceback" not in result.stderr
