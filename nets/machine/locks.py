"""Locks on files. The kernel releases them when the process ends, however it ends: no daemon, no stale locks.

They work between the processes of one machine, and between machines if the network file system has `flock`.
"""

import contextlib
import fcntl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from nets.machine.flocks import lock
from nets.machine.stop import pause


def try_lock(path: Path) -> IO | None:
    """The open file that holds the lock on `path` until it is closed; None if another process has it."""
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - open as long as the lock is held
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, path)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def locked(path: Path, message: str, stop_asked: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold the lock on `path` while the block runs. Prints `message` if it has to wait; raises Stopped if asked to."""
    waited = False
    while (file := try_lock(path)) is None:
        if not waited:
            print(message, file=sys.stderr, flush=True)
        waited = True
        pause(stop_asked)
    with file:
        yield


def drop_stale(folder: Path) -> IO:
    """Remove the locks that a killed Snakemake left in `folder/locks`, unless another Snakemake works in the folder.

    Returns an open file, which tells other processes that this one works here; keep it open as long as it does.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "nets.lock"
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - open until the process ends
    try:
        if not lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, path):
            return file  # another Snakemake may work here, so its locks stay
        for stale in folder.glob("locks/*"):
            stale.unlink(missing_ok=True)
    except BlockingIOError:  # another Snakemake works here; its own locks decide about conflicts
        pass
    lock(file, fcntl.LOCK_SH, path)
    return file
