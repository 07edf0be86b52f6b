"""The number type of a run's forward passes."""

import torch

from nets.tasks.contract import Precision


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """Mixed precision where a GPU has it and the recipe allows it: bfloat16, on older ones float16."""
    if wanted == "float32" or device.type != "cuda":
        return Precision()
    return Precision(torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16)
