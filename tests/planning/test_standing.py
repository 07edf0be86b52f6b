"""How a suite stands while it runs, and how that is shown."""

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from nets.jobs import status
from nets.machine import costs
from nets.planning import follow, standing
from nets.planning.standing import standing as look
from nets.run import write_runs
from nets.suite.catalogues import ROOT
from tests.planning.test_forecast import finished


@pytest.fixture
def suite(table, left, monkeypatch):
    """Three runs: one is done, one is a hole, one is being trained."""
    runs = table("lenet5 mnist5k  lenet5 0-2 epochs=10")
    for run in runs[:2]:
        finished("results/my", run, left)
    Path("results/my/runs", runs[1].name, "metrics.json").write_text('{"status": "diverged"}')
    write_runs(runs, Path("results/my/runs.jsonl"))
    return runs


@contextmanager
def at_work(folder: Path, monkeypatch, job="train"):
    """This process is a job in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [f"/somewhere/{job}.py"])
        patch.setattr(costs, "EVERY", 0.0)
        with costs.noted(folder):
            patch.setattr(sys, "argv", ["/somewhere/status.py"])
            yield


def test_one_line_tells_all(suite, monkeypatch, capsys):
    with at_work(Path("results/my/runs", suite[2].name), monkeypatch):
        costs.tell(where="epoch 3/10", left=100.0)
        found = look(suite, "results/my")
        assert (found.done, found.holes, len(found.working), found.failed) == (1, 1, 1, {})
        assert found.left > 100, "what is left of the job at work, and what follows"
        line = found.line()
        assert line.startswith("1 of 3 runs done, 1 running, 1 without a result, 0 failed, about 2 min left | train ")
        assert line.endswith(f"train {suite[2].name}: epoch 3/10, 2 min left")
        assert status.main(["--results", "results/my"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 of 3 runs done, 1 running") and f"  train {suite[2].name}: epoch 3/10" in said


def test_a_failure_is_told_until_its_job_has_ended_well(suite, monkeypatch, capsys, left):
    with pytest.raises(ValueError), at_work(Path("results/my/runs", suite[2].name), monkeypatch):
        raise ValueError("no such layer")
    assert status.main(["--results", "results/my"]) == 0
    said = capsys.readouterr().out
    assert f"  failed: train {suite[2].name}: no such layer" in said and "1 failed" in said
    assert said.startswith("Nothing is running; make run TABLE=my.tsv takes about ")
    finished("results/my", suite[2], left)
    assert look(suite, "results/my").failed == {}


def test_the_suite_is_named_as_it_was_typed(suite, monkeypatch, capsys):
    monkeypatch.setenv("TABLE", "some where/my.tsv")
    assert status.main(["--results", "results/my"]) == 0
    assert "make run TABLE='some where/my.tsv' takes" in capsys.readouterr().out
    assert status.main(["--results", "results/quick"]) == 1
    assert "start `make run SUITE=quick` first" in capsys.readouterr().err


def test_a_snakemake_at_work_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not standing.is_running()
    from nets.machine.locks import drop_stale

    with drop_stale(Path(".snakemake")):
        script = "from nets.planning.standing import is_running; raise SystemExit(0 if is_running() else 1)"
        known = os.environ | {"PYTHONPATH": str(ROOT)}
        assert subprocess.run([sys.executable, "-c", script], env=known).returncode == 0
    assert not standing.is_running()


OUTPUT = r"""
import sys, time
print("Building DAG of jobs...", flush=True)
print("3 of 274 steps (1%) done", file=sys.stderr, flush=True)
time.sleep(0.5)
print("lenet5-mnist5k-s0  Top-1 97 %", flush=True)
print("no end of line", end="")
sys.exit(7)
"""


def test_output_passes_with_plain_lines_where_no_terminal_is(suite, monkeypatch, capsys):
    monkeypatch.setattr(follow.Lines, "every", 0.1)
    command = [sys.executable, "-c", OUTPUT]
    assert follow.follow(command, partial(look, suite, "results/my")) == 7, "the status is Snakemake's"
    lines = capsys.readouterr().err.splitlines()
    passed = [line for line in lines if not line.startswith("1 of 3 runs done, ")]
    assert passed == ["Building DAG of jobs...", "lenet5-mnist5k-s0  Top-1 97 %", "no end of line"], "and no steps"
    assert len(lines) == 4, "how it stands, once: nothing changes"


def test_a_terminal_gets_a_bar(suite, monkeypatch):
    monkeypatch.setattr(follow.Bar, "every", 0.1)
    leader, follower = os.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    with os.fdopen(follower, "w") as terminal:
        assert follow.follow([sys.executable, "-c", OUTPUT], partial(look, suite, "results/my"), terminal) == 7
        time.sleep(0.05)
        drawn = os.read(leader, 100_000).decode()
    os.close(leader)
    assert "2 of 3" in drawn and "left" in drawn and "\r" in drawn
    assert "lenet5-mnist5k-s0  Top-1 97 %\r\n" in drawn and "steps" not in drawn


def test_a_note_with_strange_numbers_does_no_harm(suite):
    folder = Path("results/my/runs/.jobs")
    folder.mkdir()
    path = folder / f"train-{suite[2].name}.json"
    path.write_text(json.dumps({"started": "yesterday", "left": "long", "where": ["x"], "failed": 3}))
    assert look(suite, "results/my").failed == {f"train {suite[2].name}": "3"}
