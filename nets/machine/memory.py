"""Running out of memory: a job is tried once more with the device to itself, then it becomes a hole with its reason.

The allocator raises an error. The kernel ends the process instead, and only its counter tells the next process so.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch

from nets.files import write_json
from nets.machine.slots import shared

BOOT, COUNTERS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/vmstat")


class Crowded(RuntimeError):
    """Memory ran out on a device that other jobs use too."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, the device's or the machine's, did not suffice."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def out_of_memory(error: BaseException, alone: bool) -> str | None:
    """Why a job ran out of memory, as a sentence; None for other errors. Raises Crowded on a shared device."""
    if not is_out_of_memory(error):
        return None
    if shared() and not alone:
        raise Crowded from error
    return f"Memory did not suffice ({str(error).splitlines()[0]}); lower batch_size."


def again_alone(module: str, argv: list[str] | None) -> NoReturn:
    """Become a new process that takes all slots of a device, with a CUDA that holds nothing; the locks end here."""
    words = list(argv) if argv is not None else sys.argv[1:]
    print(f"{module}: memory ran out on a shared device; once more, alone.", file=sys.stderr, flush=True)
    os.execv(sys.executable, [sys.executable, "-m", module, *words, "--alone"])


@contextmanager
def watched(note: Path, key: str, subject: str = "it") -> Iterator[None]:
    """Let later processes know whether the kernel ends this one for want of memory while the block runs.

    `note` is the file by which they know, see Watch. Raises MemoryError where the kernel has ended two before.
    """
    watch = Watch(note, key)
    try:
        if watch.killed > 1:
            raise MemoryError(f"the system ended {subject} twice")
        watch.begin()
        yield
    finally:
        watch.end()


class Watch:
    """Notices that the kernel ended the process before this one because memory ran out.

    Such a process leaves no message. So each process notes in a file that it lives, with the kernel's count of such
    ends, and removes the note when it ends by itself. A process that finds a note and a higher count knows the reason.
    """

    def __init__(self, path: Path, key: str):
        """`path` is the note's; notes of another `key`, or of another boot or machine, say nothing."""
        self.path = path
        started, count = boot(), oom_kills()
        self.killed = 0  # how often the kernel has ended this run for want of memory
        try:
            before = json.loads(path.read_text())
        except (OSError, ValueError):
            before = {}
        if before.get("key") == key:
            counted = before["boot"] == started and before["count"] is not None and count is not None
            self.killed = before["killed"] + (counted and count > before["count"])
        self.note = {"key": key, "boot": started, "count": count, "killed": self.killed}

    def begin(self) -> None:
        """Note that this process lives."""
        write_json(self.path, self.note)

    def end(self) -> None:
        """Note that this process ended by itself."""
        self.path.unlink(missing_ok=True)


def boot() -> str | None:
    """The id of this start of this machine; None where the system does not give one."""
    return BOOT.read_text().strip() if BOOT.exists() else None


def oom_kills() -> int | None:
    """Processes that the kernel has ended for want of memory since it started; None where it does not count."""
    match = re.search(r"^oom_kill (\d+)$", COUNTERS.read_text(), re.M) if os.path.exists(COUNTERS) else None
    return int(match[1]) if match else None
