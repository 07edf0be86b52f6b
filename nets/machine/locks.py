"""Locks on files. The kernel releases them when the process ends, however it ends: no daemon, no stale locks.

They work between the processes of one machine, and between machines if the network file system has `flock` or, failing
that, POSIX locks.
"""

import contextlib
import fcntl
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from nets.errors import UserError
from nets.machine.flocks import lock
from nets.machine.stop import pause
from nets.trust import open_plain

PATIENCE, REPEAT = 5.0, 60.0  # seconds until a job says what it waits for, and until it says so again
SNAKEMAKES = re.compile(r"\d+\.(input|output)\.lock")  # the locks that Snakemake writes

Got = TypeVar("Got")


def try_lock(path: Path, kind: int = fcntl.LOCK_EX) -> IO | None:
    """The open file that holds the lock on `path` until it is closed; None if another process has it."""
    file = open_plain(path, os.O_RDWR | os.O_CREAT)
    try:
        lock(file, kind | fcntl.LOCK_NB, path)
    except BlockingIOError:
        file.close()
        return None
    return file


def wait_for(
    attempt: Callable[[], Got | None],
    message: str,
    stop_asked: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE,
) -> Got:
    """What `attempt` returns, once it is not None. Raises Stopped if asked to stop.

    Prints `message` after `patience` seconds, and then each minute: nobody should wonder what a job waits for.
    """
    due = time.monotonic() + patience
    while (got := attempt()) is None:
        if time.monotonic() >= due:
            print(message, file=sys.stderr, flush=True)
            due = time.monotonic() + REPEAT
        pause(stop_asked)
    return got


@contextlib.contextmanager
def locked(path: Path, message: str, stop_asked: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold the lock on `path` while the block runs. Prints `message` if it has to wait; raises Stopped if asked to."""
    with wait_for(lambda: try_lock(path), message, stop_asked, patience=0):
        yield


def drop_stale(folder: Path) -> IO:
    """Remove the locks that a killed Snakemake left in `folder/locks`, unless another Snakemake works in the folder:
    then its own locks decide about conflicts.

    Returns an open file, which tells other processes that this one works here; keep it open as long as it does. Raises
    UserError if the locks are behind a link: they are somebody else's.
    """
    folder.mkdir(exist_ok=True)
    locks, own = folder / "locks", folder / "nets.lock"
    if locks.is_symlink():
        raise UserError(f"{locks} is a link, and Snakemake would delete files behind it; remove it.")
    with contextlib.suppress(BlockingIOError), open_plain(own, os.O_RDWR | os.O_CREAT) as file:
        if lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, own):  # false where a file system has no locks to tell by
            for path in locks.glob("*.lock"):
                if SNAKEMAKES.fullmatch(path.name):
                    path.unlink(missing_ok=True)
    return wait_for(lambda: try_lock(own, fcntl.LOCK_SH), f"{own} is locked by another process; waiting for it.")
