"""What decides the bits of a number besides description, data and source: device, threads, determinism, number type."""

import os

import torch

from nets.tasks.contract import Precision


def choose_device(threads: int | None = None) -> torch.device:
    """The job's device, with torch set to give the same bits each time. `threads` is for work on the CPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    if threads:
        torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms(True), which would load a compiler
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """Mixed precision where a GPU has it and the recipe allows it: bfloat16, on older ones float16."""
    if wanted == "float32" or device.type != "cuda":
        return Precision()
    return Precision(torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16)
