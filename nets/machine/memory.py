"""Running out of memory: what the allocator says of it, and what is left where the kernel ends the process instead."""

import json
import os
import re
from pathlib import Path

import torch

from nets.files import write_json

BOOT, COUNTERS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/vmstat")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, the device's or the machine's, did not suffice."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


class Watch:
    """Notices that the process before this one was ended by the kernel because memory ran out.

    Such a process leaves no word. So each notes in a file that it lives, with the kernel's count of such ends, and
    removes the note when it ends by itself; who finds a note and a higher count knows what happened.
    """

    def __init__(self, path: Path, key: str):
        """`path` is the note's; notes of another `key`, or of another boot or machine, say nothing."""
        self.path = path
        self.note = {"key": key, "boot": boot(), "count": oom_kills(), "killed": 0}
        try:
            before = json.loads(path.read_text())
        except (OSError, ValueError):
            before = {}
        if before.get("key") == key:
            more = before["boot"] == self.note["boot"] and None not in (before["count"], self.note["count"])
            self.note["killed"] = before["killed"] + bool(more and self.note["count"] > before["count"])

    @property
    def killed(self) -> int:
        """How often the kernel has ended this run for want of memory."""
        return self.note["killed"]

    def begin(self) -> None:
        """Note that this process lives."""
        write_json(self.path, self.note)

    def end(self) -> None:
        """Note that this process has come to an end of its own."""
        self.path.unlink(missing_ok=True)


def boot() -> str | None:
    """What names this start of this machine; None where the system does not say."""
    return BOOT.read_text().strip() if BOOT.exists() else None


def oom_kills() -> int | None:
    """Processes that the kernel has ended for want of memory since it started; None where it does not count."""
    match = re.search(r"^oom_kill (\d+)$", COUNTERS.read_text(), re.M) if os.path.exists(COUNTERS) else None
    return int(match[1]) if match else None
