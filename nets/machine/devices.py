"""Where a job computes, and how: device, threads, determinism."""

import os

import torch


def choose_device(threads: int | None = None) -> torch.device:
    """The job's device, with torch set to give the same bits each time. `threads` is for the CPU's work."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    if threads:
        torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms(True), which would load a compiler
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
