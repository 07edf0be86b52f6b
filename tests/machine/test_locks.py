"""Locks are taken through no link, waited for with a word, and never at the cost of somebody else's files."""

import threading
import time

import pytest

from nets.errors import UserError
from nets.machine import locks
from nets.machine.stop import Stopped


@pytest.fixture
def work(tmp_path):
    """A `.snakemake` with a lock that a killed Snakemake left, and a file that is no lock."""
    folder = tmp_path / ".snakemake"
    (folder / "locks").mkdir(parents=True)
    for name in ("0.output.lock", "1.input.lock", "notes.txt", "my.lock"):
        (folder / "locks" / name).write_text("")
    return folder


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_snakemakes_own_locks_are_removed(work):
    with locks.drop_stale(work):
        assert left(work / "locks") == ["my.lock", "notes.txt"]


def test_locks_behind_a_link_are_somebody_elses(work, tmp_path):
    (work / "locks").rename(tmp_path / "theirs")
    (work / "locks").symlink_to(tmp_path / "theirs")
    with pytest.raises(UserError, match="locks is a link, and Snakemake would delete files behind it; remove it"):
        locks.drop_stale(work)
    assert len(left(tmp_path / "theirs")) == 4


def test_another_snakemakes_locks_stay(work):
    with locks.drop_stale(work):
        (work / "locks/0.output.lock").write_text("")
        with locks.drop_stale(work):  # both work here
            assert "0.output.lock" in left(work / "locks")


def test_a_lock_is_no_link(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "new")
    with pytest.raises(UserError, match="lock is a link; remove it"):
        locks.try_lock(tmp_path / "lock")
    assert not (tmp_path / "new").exists()


def test_who_waits_says_so_again_and_again(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(locks, "REPEAT", 0.3)
    held = locks.try_lock(tmp_path / "lock")
    threading.Timer(0.9, held.close).start()
    with locks.locked(tmp_path / "lock", "Waiting for the lock."):
        assert 2 <= capsys.readouterr().err.count("Waiting for the lock.\n") <= 4


def test_who_waits_shortly_says_nothing_and_who_is_stopped_stops(capsys, tmp_path):
    held = locks.try_lock(tmp_path / "lock")
    end = time.monotonic() + 0.5
    with pytest.raises(Stopped):
        locks.wait_for(lambda: locks.try_lock(tmp_path / "lock"), "Waiting.", lambda: time.monotonic() > end)
    assert capsys.readouterr().err == ""
    held.close()
