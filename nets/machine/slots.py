"""GPU slots of one machine: how many there are, and how jobs lease them.

Snakemake counts slots but assigns no devices. A job leases a slot by locking a file; the kernel releases the lock with
the process, however it ends. Jobs are served in order of arrival. Where a scheduler such as Slurm has assigned devices
to an allocation, the jobs in it lease them from each other.
"""

import contextlib
import itertools
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from nets.errors import UserError
from nets.machine import costs
from nets.machine.locks import try_lock, wait_for

ALLOCATION = ("SLURM_JOB_ID", "SLURM_STEP_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "SGE_TASK_ID")
DEVICES = Path("/dev")
NAME = re.compile(r"\d+|GPU-[\w-]+|MIG-[\w/-]+")  # of a device; CUDA ignores all names from one of another form on


class Slots(NamedTuple):
    """Slots of a device that this process has locked."""

    device: str
    locks: list[IO]


def devices() -> list[str]:
    """The devices that this process may use, named as in `CUDA_VISIBLE_DEVICES`; NETS_GPUS=4 pretends four."""
    if pretended := os.environ.get("NETS_GPUS"):
        if not pretended.isdecimal():
            raise UserError(f"NETS_GPUS is {pretended!r}; set it to a number of pretended devices, or unset it.")
        return [str(index) for index in range(int(pretended))]
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in visible.split(",")]
        return list(dict.fromkeys(itertools.takewhile(NAME.fullmatch, names)))
    if shutil.which("nvidia-smi") is None:  # which not every container has
        return [str(index) for index in range(len(list(DEVICES.glob("nvidia[0-9]*"))))]
    return parse_devices(listing())


@cache
def listing() -> str:
    """What `nvidia-smi -L` prints; empty, with a warning, if it fails."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            return done.stdout
        reason = (done.stdout + done.stderr).strip().split("\n")[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    warn(f"nvidia-smi lists no GPUs ({reason.rstrip('.')}), so runs train on the CPU.")
    return ""


def warn(sentence: str) -> None:
    """Print a warning."""
    print(f"Warning: {sentence}", file=sys.stderr, flush=True)


def parse_devices(listing: str) -> list[str]:
    """UUIDs from `nvidia-smi -L`: of each GPU, or of its instances if it is divided (MIG)."""
    names: list[str] = []
    for line in listing.splitlines():
        match = re.search(r"UUID: (GPU-[\w-]+|MIG-[\w/-]+)", line)
        if match is None:
            continue
        if match[1].startswith("MIG-") and names and names[-1].startswith("GPU-"):
            names.pop()  # the GPU of this first instance: CUDA can't open a divided GPU as a whole
        names.append(match[1])
    return names


def slots_per_gpu() -> int:
    """How many jobs may share a device: NETS_SLOTS_PER_GPU, by default one."""
    text = os.environ.get("NETS_SLOTS_PER_GPU", "1")
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"NETS_SLOTS_PER_GPU is {text!r}; set it to 1 or more.")
    return int(text)


def sharers(alone: bool) -> int:
    """How many jobs may use this job's device at the same time; `alone`: it has taken all slots."""
    return 1 if alone else slots_per_gpu()


def count_slots(cores: int) -> int:
    """How many jobs may train at once: one per slot of each device, or one per core if there is no GPU."""
    return len(devices()) * slots_per_gpu() or cores


def leases() -> bool:
    """Whether jobs lease devices: not without a GPU."""
    return bool(devices())


def allocation() -> str:
    """The scheduler's allocation that this process is in, as the end of a folder's name; empty outside of any.

    Two allocations may both call their only device "0", or share a device because their scheduler says so.
    """
    return "".join(f"-{urllib.parse.quote(os.environ[name], safe='')}" for name in ALLOCATION if os.environ.get(name))


def check_usable() -> None:
    """Warn if torch can't use the device that was leased: without a word, the run would train on the CPU."""
    if os.environ.get("NETS_GPUS"):  # pretended
        return
    import torch

    if torch.cuda.is_available():
        return
    try:
        torch.cuda.init()
        reason = "it finds no device"
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
    warn(
        f"torch {torch.__version__} can't use the GPU {os.environ['CUDA_VISIBLE_DEVICES']} ({reason}), so this "
        "run computes on the CPU; update the driver, or install a torch that fits it. CUDA_VISIBLE_DEVICES= ends this."
    )


def shared() -> bool:
    """Whether other jobs may use the same leased device."""
    return leases() and slots_per_gpu() > 1


@contextlib.contextmanager
def lease(stop_asked: Callable[[], bool] = lambda: False, alone: bool = False) -> Iterator[str | None]:
    """Hold a slot of a device while the block runs, and hide all other devices from this process.

    Yields the device, or None without a GPU. Enter before CUDA is initialised. `alone` takes all slots of the device.
    Waits while no slot is free, and raises Stopped if asked to stop meanwhile.
    """
    if not leases():
        costs.waited()
        yield None
        return
    names, wanted = devices(), slots_per_gpu() if alone else 1
    folder = private_folder()
    what = "all slots of a device" if alone else "a free slot"
    message = f"Waiting for {what} of {', '.join(names)}; other jobs of yours hold them (locks in {folder})."
    with contextlib.ExitStack() as held:
        with queue(folder, message, stop_asked) as is_first:
            taken = wait_for(lambda: take(folder, names, wanted) if is_first() else None, message, stop_asked)
            for slot in taken.locks:
                held.enter_context(slot)
        os.environ["CUDA_VISIBLE_DEVICES"] = taken.device
        check_usable()
        costs.waited()
        yield taken.device


def private_folder() -> Path:
    """The folder of this user's locks on this machine, which nobody else can open.

    In a folder that others can write, they may have made it first, or a link in its place. Raises UserError then.
    """
    folder = Path(tempfile.gettempdir()) / f"nets-slots-{os.getuid()}{allocation()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise UserError(
            f"{folder} is not a folder of yours; let its owner remove it, or set TMPDIR to your own folder."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def take(folder: Path, names: list[str], wanted: int) -> Slots | None:
    """Lock `wanted` slots of the device with the most free slots; None if no device has that many."""
    files = {n: folder / urllib.parse.quote(n, safe="") for n in names}  # names of MIG instances may hold slashes
    free = {n: [held for s in range(slots_per_gpu()) if (held := try_lock(Path(f"{files[n]}.{s}")))] for n in names}
    best = max(names, key=lambda name: len(free[name]))
    kept = free[best][:wanted] if len(free[best]) >= wanted else []
    for other in (held for locks in free.values() for held in locks if held not in kept):
        other.close()
    return Slots(best, kept) if kept else None


@contextlib.contextmanager
def queue(folder: Path, message: str, stop_asked: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Wait in line: yields a function that returns whether all earlier processes have been served.

    Each process holds a lock on a numbered ticket; a ticket without a lock belongs to a dead process. Prints `message`
    if it can't get a ticket.
    """
    with wait_for(lambda: try_lock(folder / "tickets"), message, stop_asked) as counter:  # for a moment
        number = int(os.pread(counter.fileno(), 12, 0) or 0) + 1
        # Of fixed length, so a process killed here leaves a valid number.
        os.pwrite(counter.fileno(), b"%012d" % number, 0)
        ticket = folder / f"ticket-{number:012d}"
        own = try_lock(ticket)

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


def gpu_name() -> str | None:
    """The name of the first GPU, as torch gives it; None if `nvidia-smi` lists none, or if GPUs are pretended."""
    if os.environ.get("NETS_GPUS") or shutil.which("nvidia-smi") is None:
        return None
    found = re.search(r"^GPU \d+: (.+?) \(UUID", listing(), re.M)
    return found[1] if found else None
