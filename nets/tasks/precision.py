"""The number type of a task's computations, and random numbers that leave others untouched."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Precision:
    """The number type of forward passes: float32, or a narrower one under autocast (mixed precision).

    Weights, losses, gradient penalties, optimizers and averages are float32 in either. A task computes in another type
    than float32 only while it learns (`Task.learn`): validation, the choice of weights, frozen features, samples, the
    features of extractors and evaluation are float32, whatever training uses. `nets.training.numerics` chooses the type
    of training and turns TF32 off.
    """

    dtype: torch.dtype = torch.float32

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """A context for forward passes. In float32 it also undoes an autocast around it."""
        if not torch.amp.is_autocast_available(device.type):  # on the meta device, which only counts
            return nullcontext()
        return torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    def name(self, device: torch.device) -> str:
        """As manifests, metrics and passports record it: `float32`, `bfloat16` or `float16`.

        `tf32` means float32 on a GPU whose products or convolutions torch may round to TF32, because something (a
        network's module, say) has turned it on again.
        """
        rounded = device.type == "cuda" and any(each.fp32_precision == "tf32" for each in float32_switches())
        return "tf32" if rounded and self.dtype == torch.float32 else str(self.dtype).removeprefix("torch.")


def float32_switches() -> tuple[Any, ...]:
    """Torch's switches `fp32_precision` for CUDA: of products, of cuDNN's convolutions and of its recurrent layers."""
    cudnn: Any = torch.backends.cudnn
    return torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn


def forked(device: torch.device) -> AbstractContextManager:
    """A context whose random numbers leave those outside untouched: on the CPU and on this device, not on all GPUs."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])
