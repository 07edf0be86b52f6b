"""Jobs import no large package that they don't need: neither when they start nor while they work."""

import subprocess
import sys

import pytest

from benchmarks.startup import LARGE, MAY_IMPORT, TIMED
from nets.suite.catalogues import ROOT

JOBS = {path.stem for path in (ROOT / "nets/jobs").glob("[a-z]*.py")} - {"common"}


def imported(job, work=""):
    """The large packages that a process has imported after a job's module, and after some work with it."""
    script = f"import sys; from nets.jobs import {job}; {work}\nprint('imported', *sys.modules.keys() & set({LARGE}))"
    read = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(read.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("job", sorted(JOBS))
def test_a_job_starts_with_no_more_than_it_may_import(job):
    assert imported(job) <= set(MAY_IMPORT[job])


def test_the_list_of_jobs_is_complete():
    assert set(MAY_IMPORT) == JOBS and set(TIMED) <= JOBS


def test_training_evaluation_and_drawing_import_no_more_while_they_work(few, run_of, tmp_path):
    folder = tmp_path / "lenet5-mnist5k-s0"
    folder.mkdir()
    (folder / "config.json").write_text(run_of("lenet5", "epochs=1").to_json())
    run, data = ["--run-dir", str(folder)], ["--data-dir", str(few)]
    for job, words in {"train": run + data, "evaluate": run + data, "draw": run}.items():
        assert imported(job, f"assert {job}.main({words}) == 0") <= {*MAY_IMPORT[job]}
    assert list((folder / "figures").iterdir())
