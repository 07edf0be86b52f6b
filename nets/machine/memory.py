"""Running out of memory: a job is tried once more, alone on its device, then becomes a hole, a result without numbers.

torch's allocator raises an error. The kernel kills the process, and only its counter of kills tells the next process.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from nets.errors import is_out_of_memory
from nets.files import write_json
from nets.machine.environment import module_path
from nets.machine.slots import shared

BOOT, COUNTERS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/vmstat")


class Crowded(RuntimeError):
    """Memory ran out on a device that other jobs may use, too."""


def out_of_memory(error: BaseException, alone: bool) -> str | None:
    """Why a job ran out of memory, as a sentence; None for other errors. Raises Crowded on a shared device."""
    if not is_out_of_memory(error):
        return None
    if shared() and not alone:
        raise Crowded from error
    return f"Memory ran out ({str(error).splitlines()[0]}); lower batch_size."


@contextmanager
def crowding(alone: bool) -> Iterator[None]:
    """Raise Crowded if memory runs out on a shared device while the block runs; other errors are passed on."""
    try:
        yield
    except Exception as error:
        out_of_memory(error, alone)
        raise


def again_alone(module: str, argv: list[str] | None) -> NoReturn:
    """Replace this process by a new one, which takes all slots of a device; CUDA memory and locks are released."""
    words = list(argv) if argv is not None else sys.argv[1:]
    print(f"{module}: memory ran out on a shared device; trying once more, alone.", file=sys.stderr, flush=True)
    os.environ["PYTHONPATH"] = module_path()
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *words, "--alone"])


@contextmanager
def watched(note: Path, key: str, subject: str = "it") -> Iterator[None]:
    """Let later processes know if the kernel kills this one, out of memory, while the block runs.

    `note` is the file that tells them, see Watch. Raises MemoryError if the kernel has already killed two.
    """
    watch = Watch(note, key)
    try:
        if watch.killed > 1:
            raise MemoryError(f"the system killed {subject} twice")
        watch.begin()
        yield
    finally:
        watch.end()


class Watch:
    """Detects that the kernel killed the previous process because memory ran out.

    Such a process leaves no message. So each process writes a note that it is running, with the kernel's count of
    out-of-memory kills, and removes it when it ends by itself. A process that finds a note and a higher count knows why
    the previous one ended.
    """

    def __init__(self, path: Path, key: str):
        """`path` is the note's. A note with another `key`, or from another boot or machine, is ignored."""
        self.path = path
        started, count = boot(), oom_kills()
        self.killed = 0  # how often the kernel has killed this run, out of memory
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = {}
        if before.get("key") == key:
            counted = before["boot"] == started and before["count"] is not None and count is not None
            self.killed = before["killed"] + (counted and count > before["count"])
        self.note = {"key": key, "boot": started, "count": count, "killed": self.killed}

    def begin(self) -> None:
        """Note that this process is running."""
        write_json(self.path, self.note)

    def end(self) -> None:
        """Note that this process ended by itself."""
        self.path.unlink(missing_ok=True)


def boot() -> str | None:
    """The id of this boot of this machine; None if the system has none."""
    return BOOT.read_text(encoding="utf-8").strip() if BOOT.exists() else None


def oom_kills() -> int | None:
    """How many processes the kernel has killed, out of memory, since it started; None if it does not count them."""
    match = (
        re.search(r"^oom_kill (\d+)$", COUNTERS.read_text(encoding="utf-8"), re.M) if os.path.exists(COUNTERS) else None
    )
    return int(match[1]) if match else None
