"""Locks are taken through no link, waited for with a word, never at the cost of others' files, and not everywhere."""

import errno
import fcntl
import threading
import time

import pytest

from nets.errors import UserError
from nets.machine import flocks, locks
from nets.machine.locks import drop_stale, locked, try_lock
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


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(flocks, "warned", set())


def refuse(number):
    def attempt(*_):
        raise OSError(number, "No locks available")

    return attempt


def test_a_lock_is_held_once(tmp_path):
    held = try_lock(tmp_path / "lock")
    assert try_lock(tmp_path / "lock") is None
    held.close()
    with try_lock(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("number", flocks.UNSUPPORTED)
def test_without_locks_work_goes_on_after_one_warning(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(fcntl, "flock", refuse(number))
    monkeypatch.setattr(fcntl, "lockf", refuse(number))
    with locked(tmp_path / "lock", "waiting"), locked(tmp_path / "other", "waiting"):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert f"the file system of {tmp_path} has no locks (No locks available)" in line


def test_posix_locks_are_the_next_best(tmp_path, monkeypatch, capsys):
    taken = []
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    monkeypatch.setattr(fcntl, "lockf", lambda file, how: taken.append(how))
    with try_lock(tmp_path / "lock"):
        assert taken == [fcntl.LOCK_EX | fcntl.LOCK_NB]
    monkeypatch.setattr(fcntl, "lockf", refuse(errno.EACCES))
    assert try_lock(tmp_path / "lock") is None
    assert capsys.readouterr().err == ""


def test_other_errors_are_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", refuse(errno.EIO))
    with pytest.raises(OSError, match="No locks"), open(tmp_path / "lock", "a+") as file:
        flocks.lock(file, fcntl.LOCK_EX, tmp_path / "lock")


@pytest.mark.parametrize("supported", [True, False])
def test_a_killed_snakemakes_locks_go_where_it_is_known_to_be_dead(tmp_path, monkeypatch, supported):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").touch()
    if not supported:
        monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOSYS))
        monkeypatch.setattr(fcntl, "lockf", refuse(errno.ENOSYS))
    drop_stale(tmp_path).close()
    assert (tmp_path / "locks/0.output.lock").exists() != supported
