"""A mistake is made once, a kill is tried again: what a job's next try by the same Snakemake does."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.machine import attempts
from nets.machine.stop import Stopped
from nets.suite.catalogues import ROOT


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """A function that runs a job with an error, or a list of them, in turn; returns how many times it really ran."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(attempts.SESSION, "one")
    monkeypatch.setattr(sys, "argv", ["train.py", "--run-dir=a"])

    def run(error, times=2):
        calls = []

        def work():
            calls.append(1)
            raise error

        for _ in range(times):
            try:
                assert run_job(work, passed=(Stopped,)) == 1
            except (type(error), Stopped):
                pass
        return len(calls)

    return run


@pytest.mark.parametrize(
    "error",
    [
        UserError("Do this."),
        RuntimeError("size mismatch"),
        TypeError("no such argument"),
        KeyboardInterrupt(),
        SystemExit("enough"),
        BaseException("not even an Exception"),
        OSError("image file is truncated"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_mistake_is_tried_once(tried, error, capsys):
    assert tried(error) == 1
    told = {KeyboardInterrupt: f"Interrupted (Ctrl-C, or KeyboardInterrupt in {__file__}, line "}
    assert told.get(type(error), str(getattr(error, "strerror", None) or error)) in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        Stopped("Stopped after step 3."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
        OSError(errno.ESTALE, "Stale file handle"),
    ],
)
def test_what_may_pass_is_tried_again(tried, error):
    assert tried(error) == 2


def test_the_next_start_and_another_job_know_nothing_of_it(tried, monkeypatch):
    assert tried(ValueError("wrong")) == 1
    monkeypatch.setattr(sys, "argv", ["train.py", "--run-dir=b"])
    assert tried(ValueError("wrong")) == 1
    attempts.begin()
    attempts.forget()
    assert not attempts.NOTES.exists()
    assert tried(ValueError("wrong")) == 1


def test_by_hand_every_try_is_the_first(tried, monkeypatch):
    monkeypatch.delenv(attempts.SESSION)
    assert tried(ValueError("wrong")) == 2


def test_once_more_alone_is_the_same_job(tried, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--run-dir=a", "--alone"])
    assert tried(ValueError("wrong")) == 1
    monkeypatch.setattr(sys, "argv", ["train.py", "--run-dir=a"])
    assert tried(ValueError("wrong")) == 0


def test_the_trace_is_on_the_terminal_once_and_in_the_log(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(attempts.SESSION, "one")

    def work():
        raise RuntimeError("size mismatch")

    log = tmp_path / "train.log"
    assert run_job(work, log) == 1
    assert capsys.readouterr().err == log.read_text() and log.read_text().startswith("Traceback ")
    log.unlink()  # as Snakemake does before it tries again
    assert run_job(work, log) == 1
    again = f"RuntimeError: size mismatch (It is not tried again, since that would not help: {log})\n"
    assert capsys.readouterr().err == again and log.read_text().startswith("Traceback ")


CRASHING = """
import ctypes, os, signal, sys
from pathlib import Path
from nets.jobs.common import run_job

def work():
    with open("tried", "a") as file:
        file.write("x")
    {ending}

sys.exit(run_job(work, Path("log")))
"""


@pytest.mark.parametrize(
    ("ending", "number", "tries", "words"),
    [
        ("os.abort()", signal.SIGABRT, 1, "Fatal Python error: Aborted"),
        ("ctypes.string_at(0)", signal.SIGSEGV, 1, "Fatal Python error: Segmentation fault"),
        ("os.kill(os.getpid(), signal.SIGKILL)", signal.SIGKILL, 2, ""),
        ("os.kill(os.getpid(), signal.SIGTERM)", signal.SIGTERM, 2, ""),
    ],
)
def test_a_crash_is_tried_once_and_a_kill_again(tmp_path, ending, number, tries, words):
    environment = os.environ | {"PYTHONPATH": str(ROOT), attempts.SESSION: "one"}
    (tmp_path / "job.py").write_text(CRASHING.format(ending=ending))
    run = [sys.executable, "-P", "job.py"]
    done = [subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert len((tmp_path / "tried").read_text()) == tries
    assert [each.returncode for each in done] == [-number, -number if tries == 2 else 1]
    assert done[1].stderr.startswith(words)
    assert not words or (words in (tmp_path / "log").read_text() and "job.py" in (tmp_path / "log").read_text())


def test_a_job_that_ends_well_leaves_no_note(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(attempts.SESSION, "one")
    assert run_job(lambda: None) == 0
    assert not list(attempts.NOTES.iterdir())
