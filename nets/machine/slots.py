"""GPU slots of one machine: how many there are, and leases on them that the kernel takes back.

Snakemake counts slots but hands out no devices. A job leases one by locking a file; the lock ends with the process,
however it ends. Jobs are served in the order in which they came. On Slurm the scheduler hands out devices, and
nothing is leased.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from nets.errors import UserError
from nets.machine.locks import try_lock
from nets.machine.stop import pause


class Slots(NamedTuple):
    """Slots of a device that this process has locked."""

    device: str
    locks: list[IO]


def devices() -> list[str]:
    """The devices that this process may use, as `CUDA_VISIBLE_DEVICES` names them; NETS_GPUS=4 pretends four."""
    if pretended := os.environ.get("NETS_GPUS"):
        if not pretended.isdecimal():
            raise UserError(f"NETS_GPUS is {pretended!r}; set it to a number of pretended devices, or unset it.")
        return [str(index) for index in range(int(pretended))]
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    if shutil.which("nvidia-smi") is None:
        return []
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30)
    return parse_devices(listing.stdout) if listing.returncode == 0 else []


def parse_devices(listing: str) -> list[str]:
    """UUIDs from `nvidia-smi -L`: of each GPU, or of its instances where it is divided (MIG)."""
    names: list[str] = []
    for line in listing.splitlines():
        match = re.search(r"UUID: (GPU-[\w-]+|MIG-[\w/-]+)", line)
        if match is None:
            continue
        if match[1].startswith("MIG-") and names and names[-1].startswith("GPU-"):
            names.pop()  # the GPU whose first instance this is: CUDA can't open it as a whole
        names.append(match[1])
    return names


def slots_per_gpu() -> int:
    """How many jobs share a device: NETS_SLOTS_PER_GPU, by default one."""
    text = os.environ.get("NETS_SLOTS_PER_GPU", "1")
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"NETS_SLOTS_PER_GPU is {text!r}; set it to 1 or more.")
    return int(text)


def count_slots(cores: int) -> int:
    """Jobs that may train at once: slots of all devices, or one a core where there is no GPU."""
    return len(devices()) * slots_per_gpu() or cores


def leases() -> bool:
    """Whether devices are handed out here: not without a GPU, and not where Slurm does it."""
    return "SLURM_JOB_ID" not in os.environ and bool(devices())


def shared() -> bool:
    """Whether a leased device may have other jobs on it."""
    return leases() and slots_per_gpu() > 1


@contextlib.contextmanager
def lease(stop_asked: Callable[[], bool] = lambda: False, alone: bool = False) -> Iterator[str | None]:
    """Hold a slot of a device for as long as the block runs, and let this process see no other device.

    Yields the device, or None without a GPU. Enter before CUDA is initialised. `alone` takes all slots of the device.
    Waits while none is free, and raises Stopped if asked while it waits.
    """
    if not leases():
        yield None
        return
    names, wanted = devices(), slots_per_gpu() if alone else 1
    folder = Path(tempfile.gettempdir()) / f"nets-slots-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as held:
        with queue(folder) as is_first:
            while not (is_first() and (taken := take(folder, names, wanted))):
                pause(stop_asked)
            for lock in taken.locks:
                held.enter_context(lock)
        os.environ["CUDA_VISIBLE_DEVICES"] = taken.device
        yield taken.device


def take(folder: Path, names: list[str], wanted: int) -> Slots | None:
    """Lock `wanted` slots of the device with the most free ones; None if none has as many."""
    free = {n: [lock for s in range(slots_per_gpu()) if (lock := try_lock(folder / f"{n}.{s}"))] for n in names}
    best = max(names, key=lambda name: len(free[name]))
    kept = free[best][:wanted] if len(free[best]) >= wanted else []
    for lock in (lock for locks in free.values() for lock in locks if lock not in kept):
        lock.close()
    return Slots(best, kept) if kept else None


@contextlib.contextmanager
def queue(folder: Path) -> Iterator[Callable[[], bool]]:
    """Wait in line: yields a function that tells whether all that came earlier have been served.

    Each process holds a lock on a numbered ticket; a ticket without a lock belongs to a process that died.
    """
    counter = os.open(folder / "tickets", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(counter, fcntl.LOCK_EX)  # for a moment
        number = int(os.pread(counter, 12, 0) or 0) + 1
        os.pwrite(counter, b"%012d" % number, 0)  # of a fixed length: a process killed here leaves a number
        ticket = folder / f"ticket-{number:012d}"
        own = try_lock(ticket)
    finally:
        os.close(counter)

    def is_first() -> bool:
        for path in sorted(folder.glob("ticket-*")):
            if path >= ticket:
                return True
            if (dead := try_lock(path)) is None:
                return False
            path.unlink(missing_ok=True)
            dead.close()
        return True

    try:
        yield is_first
    finally:
        ticket.unlink(missing_ok=True)
        if own:
            own.close()
