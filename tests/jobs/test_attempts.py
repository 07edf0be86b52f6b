"""A mistake is made once, a kill is tried again: what a job's next try by the same Snakemake does."""

import errno
import sys

import pytest

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.machine import attempts
from nets.machine.stop import Stopped


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
        OSError("image file is truncated"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_mistake_is_tried_once(tried, error, capsys):
    assert tried(error) == 1
    lines = capsys.readouterr().err
    assert str(getattr(error, "strerror", None) or error) in lines


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
