"""Jobs are commands: they parse, and leave the work to other packages."""

import re
import socket

import pytest

from nets.jobs import browse
from nets.suite.catalogues import ROOT

JOBS = sorted(path for path in (ROOT / "nets/jobs").glob("*.py") if path.stem not in ("__init__", "common"))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_is_short(path):
    assert len(path.read_text().splitlines()) < 60


def test_a_port_in_use_is_told(tmp_path, capsys):
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind((browse.HOST, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert browse.main(["--results", str(tmp_path), "--port", port]) == 1
    assert (
        f"Port {port} can't be had (Address already in use); choose another: make mlflow PORT="
        in capsys.readouterr().err
    )
    assert browse.main(["--results", str(tmp_path), "--port", "http"]) == 1
    assert "PORT is 'http'; set it to a number" in capsys.readouterr().err


def test_nothing_below_the_jobs_sees_a_command_line():
    for path in (ROOT / "nets").rglob("*.py"):
        assert path.parent.name == "jobs" or "argparse" not in path.read_text(), path


def test_a_job_is_named_after_a_rule_or_a_make_target():
    """Except those that serve the others."""
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    makefile = (ROOT / "Makefile").read_text()
    for name in {path.stem for path in JOBS} - {"serve", "measure", "fit"}:
        assert re.search(rf"^rule {name}:", rules, re.M) or f"-m nets.jobs.{name}" in makefile, name
