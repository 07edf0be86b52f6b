"""The system's two kinds of locks on open files, `flock` and POSIX. Some file systems have only one, some neither."""

import errno
import fcntl
import sys
from pathlib import Path
from typing import IO

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what a file system without locks answers
warned: set[Path] = set()


def lock(file: IO, how: int, path: Path) -> bool:
    """Lock an open file, which `path` names; `how` is as for `fcntl.flock`.

    Returns false, with one warning for each folder, if its file system has no locks: then nothing is locked, and the
    program goes on. Raises BlockingIOError if another process has the lock.
    """
    reason: str | None = ""
    for attempt in (fcntl.flock, fcntl.lockf):
        try:
            attempt(file, how)
            return True
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):  # POSIX locks answer with either
                raise BlockingIOError from None
            if error.errno not in UNSUPPORTED:
                raise
            reason = error.strerror
    folder = path.absolute().parent
    if folder not in warned:
        warned.add(folder)
        print(
            f"Warning: the file system of {folder} has no locks ({reason}), so processes there can't see each other; "
            "start only one Snakemake at a time.",
            file=sys.stderr,
            flush=True,
        )
    return False
