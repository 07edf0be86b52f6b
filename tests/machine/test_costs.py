"""Jobs note what they do and what they have cost; a reader tells a job at work from one that was killed."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest

from nets.errors import UserError
from nets.machine import costs
from nets.machine.progress import Progress, bar

JOB = """
import sys, time
from pathlib import Path
from nets.machine import costs
sys.argv[0] = "train.py"
with costs.noted(Path(sys.argv[1])):
    costs.tell(where="epoch 1/3", left=12.0)
    print("working", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def job(monkeypatch, tmp_path):
    """The folder of a run, in which this process is the job `train`."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    folder = tmp_path / "runs/lenet5-mnist5k-s0"
    folder.mkdir(parents=True)
    return folder


def test_a_job_leaves_its_cost_and_no_note(job):
    with costs.noted(job):
        sum(range(2_000_000))
        (note,) = costs.notes(job.parent)
        assert (note.job, note.subject) == ("train", "lenet5-mnist5k-s0") and note.content["pid"] == os.getpid()
    assert costs.notes(job.parent) == []
    spent = costs.read_costs(job)["train"]
    assert spent["seconds"] >= 0.01 and spent["cpu_seconds"] > 0.01 and spent["peak_memory_mb"] > 10
    (job / "costs.json").write_text("{damaged")
    assert costs.read_costs(job) == {}


def test_an_error_stays_until_the_job_begins_again(job):
    with pytest.raises(UserError), costs.noted(job):
        raise UserError("The disk is full.")
    (note,) = costs.notes(job.parent)
    assert note.content["failed"] == "The disk is full." and not note.working
    assert not (job / "costs.json").exists()
    with pytest.raises(KeyboardInterrupt), costs.noted(job, passed=(KeyboardInterrupt,)):
        raise KeyboardInterrupt  # it was stopped
    assert costs.notes(job.parent) == []


def test_a_killed_job_is_not_at_work(tmp_path):
    folder = tmp_path / "runs/lenet5-mnist5k-s0"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", JOB, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"working\n"
        (note,) = costs.notes(folder.parent)
        assert note.working and note.content["pid"] == process.pid
        process.send_signal(signal.SIGKILL)
    (note,) = costs.notes(folder.parent)
    assert not note.working


def test_progress_is_noted(job, monkeypatch):
    monkeypatch.setattr(costs, "EVERY", 0.0)
    with costs.noted(job):
        progress = Progress("lenet5-mnist5k-s0", log=sys.stdout)
        progress.update(10, 100, 1.0, "epoch 1/3", {})
        progress.update(20, 100, 2.0, "epoch 1/3", {})
        (note,) = costs.notes(job.parent)
        assert note.content["where"] == "epoch 1/3" and note.content["left"] == pytest.approx(8.0)


def test_other_commands_and_places_without_rights_note_nothing(job, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/pytest"])
    with costs.noted(job):
        assert costs.notes(job.parent) == []
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    (job.parent / ".jobs").write_text("a file in the way")
    with costs.noted(job):
        pass
    assert "train" in costs.read_costs(job)


def test_notes_of_others_can_be_anything(tmp_path):
    (tmp_path / ".jobs").mkdir()
    for name, text in {"train-a.json": "", "train-b.json": "[1]", "train-c.json": "{", "d.json": "{}"}.items():
        (tmp_path / ".jobs" / name).write_text(text)
    assert [note.subject for note in costs.notes(tmp_path)] == ["a"]


def test_a_bar_is_plain_lines_where_no_terminal_is(monkeypatch, capsys):
    monkeypatch.setattr("nets.machine.progress.EVERY", 0.0)
    assert list(bar([1, 2, 3], "measuring")) == [1, 2, 3]
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" done")[0] for line in lines] == ["measuring: 1 of 3", "measuring: 2 of 3"]
    assert all(line.endswith(" left") for line in lines) and "\r" not in "".join(lines)


def test_a_bar_is_drawn_on_a_terminal():
    leader, follower = os.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(follower, "w") as terminal:
        list(bar([1, 2], "measuring", terminal))
        terminal.flush()
        time.sleep(0.05)
        drawn = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "measuring" in drawn and "0 of 2" in drawn and "\r" in drawn
    assert "left" in drawn and threading.active_count() == 1
