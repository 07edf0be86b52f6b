"""Errors that another try can't mend: within one start of Snakemake, a job that had one ends at once when tried again.

Snakemake tries every failed job again, because it can't tell a mistake from a kill. So a job that fails with a mistake
leaves a note, under the start of Snakemake (NETS_SESSION) and the job's words. Its next try finds the note and ends
with what it says. The next start of Snakemake finds none. A crash, such as os.abort() in a library, leaves its stack as
the note; a process that is killed from outside leaves an empty one, which is none.
"""

import contextlib
import faulthandler
import hashlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from nets.files import atomic

SESSION, NOTES = "NETS_SESSION", Path(".snakemake/nets.failed")


def begin() -> None:
    """Begin a start of Snakemake, and tell its jobs, which inherit the environment."""
    os.environ[SESSION] = uuid.uuid4().hex


def forget() -> None:
    """Drop the notes of earlier starts, which no job would find."""
    shutil.rmtree(NOTES, ignore_errors=True)


def note_of_this_job() -> Path | None:
    """Where this job's note is; None if Snakemake has not started it, or on a machine that shares no environment."""
    if not (session := os.environ.get(SESSION)):
        return None
    words = [word for word in sys.argv if word != "--alone"]  # a repetition for lack of memory is the same job
    return NOTES / hashlib.sha256("\0".join([session, *words]).encode()).hexdigest()


def earlier() -> str | None:
    """What an earlier try of this job failed with; None if it left no note."""
    note = note_of_this_job()
    return (note.read_text(encoding="utf-8", errors="replace") if note and note.exists() else None) or None


@contextlib.contextmanager
def crash_noted() -> Iterator[None]:
    """If the process crashes while the block runs, its stack becomes the note."""
    if not (note := note_of_this_job()):
        yield
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # such as a full disk
            note.parent.mkdir(parents=True, exist_ok=True)
            faulthandler.enable(stack.enter_context(open(note, "wb")))
            stack.callback(note.unlink, missing_ok=True)
            stack.callback(faulthandler.disable)
        yield


def give_up(text: str) -> None:
    """Note that no further try can succeed, and why."""
    if note := note_of_this_job():
        with atomic(note) as temporary:
            temporary.write_text(text, encoding="utf-8")
