"""Locks on files that the kernel releases with the process, however it ends: no daemon, nothing stale.

They hold between the processes of a machine, and on network file systems where those have `flock`.
"""

import contextlib
import fcntl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from nets.machine.stop import pause


def try_lock(path: Path) -> IO | None:
    """The open file that holds the lock on `path` until it is closed; None if another process has it."""
    file = open(path, "a")  # noqa: SIM115 - open for as long as the lock is held
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def locked(path: Path, news: str, stop_asked: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold the lock on `path` for as long as the block runs. Says `news` if it has to wait; raises Stopped if asked."""
    told = False
    while (file := try_lock(path)) is None:
        if not told:
            print(news, file=sys.stderr, flush=True)
        told = True
        pause(stop_asked)
    with file:
        yield


def drop_stale(folder: Path) -> IO:
    """Remove what a killed Snakemake left in its `folder/locks`, if no other works in the folder.

    Returns the open file by which others see that this process does: keep it for as long as that is so.
    """
    folder.mkdir(exist_ok=True)
    file = open(folder / "nets.lock", "a")  # noqa: SIM115 - open until the process ends
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in folder.glob("locks/*"):
            path.unlink(missing_ok=True)
    except BlockingIOError:  # another Snakemake works here; its own locks tell whether that is a conflict
        pass
    fcntl.flock(file, fcntl.LOCK_SH)
    return file
