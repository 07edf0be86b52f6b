"""Where and with what a run was done; collected on the machine that does it."""

import importlib.metadata
import os
import platform
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "torchvision", "numpy", "snakemake")


def describe_machine(device: "torch.device") -> dict[str, Any]:
    """Revision, packages, hardware and device of this process."""
    import torch

    gpu = torch.cuda.get_device_properties(device) if device.type == "cuda" else None
    return {
        "revision": revision(),
        "packages": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "hardware": {
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "gpu": gpu and gpu.name,
            "gpu_memory_mb": gpu and round(gpu.total_memory / 2**20),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "device": str(device),
        "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": torch.get_num_threads(),
    }


def version(package: str) -> str | None:
    """A package's version; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def revision() -> str | None:
    """The source's git revision, with '+' if files have been changed; None if the source is no checkout of its own.

    A copy that lies in another repository, such as an unpacked archive, has none: that repository's is not its own.
    """
    project = Path(__file__).resolve().parents[2]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> str:
        # The checkout may be another user's; its code runs anyway.
        command = ["git", "-c", f"safe.directory={project}", "-C", str(project), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=own).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != project:
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_name() -> str:
    """The processor as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def peak_memory_mb(device: "torch.device") -> float:
    """Peak memory of this process in MiB: on a GPU, what torch allocated; otherwise resident memory."""
    import torch

    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
