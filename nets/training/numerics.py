"""What affects a number's bits besides description, data and source: device, threads, determinism, number type."""

import os

import torch

from nets.tasks.contract import Precision


def choose_device(threads: int | None = None) -> torch.device:
    """The job's device; sets torch to give the same bits each time. `threads` is the number of CPU threads."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    if threads:
        torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms(True) would load a compiler
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """Mixed precision if the GPU and the recipe allow it: bfloat16, on older GPUs float16."""
    if wanted == "float32" or device.type != "cuda":
        return Precision()
    return Precision(torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16)
