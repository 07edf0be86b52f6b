"""What affects a number's bits besides description, data and source: device, threads, determinism, number type."""

import os

import torch

from nets.tasks.precision import Precision, float32_switches


def choose_device(threads: int | None = None) -> torch.device:
    """The job's device; sets torch to give the same bits each time. `threads` is the number of CPU threads."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    if threads:
        torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms(True) would load a compiler
    torch.backends.cudnn.benchmark = False
    forbid_tf32()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def forbid_tf32() -> None:
    """Make float32 mean float32 on GPUs. By default, cuDNN rounds the factors of convolutions to ten bits (TF32).

    These switches are those of torch 2.9 and later, which does not let the older `allow_tf32` be mixed with them.
    """
    for switch in float32_switches():
        switch.fp32_precision = "ieee"


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """The number type of training: mixed precision if the recipe and the GPU allow it, otherwise float32.

    Mixed means that forward passes run under autocast in bfloat16, on GPUs older than Ampere in float16 with scaled
    gradients; the rest is float32. Everything but training is float32 (`nets.tasks.precision`).
    """
    if wanted == "float32" or device.type != "cuda":
        return Precision()
    return Precision(torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16)
