"""Locks, and file systems that have none."""

import errno
import fcntl

import pytest

from nets.machine import flocks
from nets.machine.locks import drop_stale, locked, try_lock


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
