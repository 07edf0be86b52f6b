"""GPU slots of one machine: how many there are, and leases on them that the kernel takes back.

Snakemake counts slots but hands out no devices. A job leases one by locking a file; the lock ends with the process,
however it ends. On Slurm the scheduler hands devices out, and nothing is leased.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nets.errors import UserError


def devices() -> list[str]:
    """The devices that this process may use, as `CUDA_VISIBLE_DEVICES` names them; NETS_GPUS=4 pretends four."""
    if pretended := os.environ.get("NETS_GPUS"):
        return [str(index) for index in range(int(pretended))]
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, timeout=30)
    return found.stdout.split() if found.returncode == 0 else []


def slots_per_gpu() -> int:
    """How many jobs share a device: NETS_SLOTS_PER_GPU, by default one."""
    text = os.environ.get("NETS_SLOTS_PER_GPU", "1")
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"NETS_SLOTS_PER_GPU is {text!r}; set it to 1 or more.")
    return int(text)


def count_slots(cores: int) -> int:
    """Jobs that may train at once: slots of all devices, or one a core where there is no GPU."""
    return len(devices()) * slots_per_gpu() or cores


@contextlib.contextmanager
def lease() -> Iterator[str | None]:
    """Hold a device for as long as the block runs, and let this process see no other; None without a GPU.

    Enter before CUDA is initialised. Waits if all slots are taken.
    """
    names = devices()
    if not names or "SLURM_JOB_ID" in os.environ:
        yield None
        return
    folder = Path(tempfile.gettempdir()) / f"nets-slots-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    slots = [(name, folder / f"{name}.{slot}") for slot in range(slots_per_gpu()) for name in names]
    while True:
        for name, path in slots:
            with open(path, "w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                os.environ["CUDA_VISIBLE_DEVICES"] = name
                yield name
                return
        time.sleep(0.2)
