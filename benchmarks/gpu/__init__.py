"""Checks of a machine's GPU. Importing the package makes up for safetensors where it is missing."""

import importlib.util
import io
import sys
import types

import torch


def missing(package: str) -> bool:
    """Whether a package is not installed."""
    return importlib.util.find_spec(package) is None


def stand_in() -> None:
    """Where safetensors is missing, let torch's own format take its place in this process."""
    if not missing("safetensors"):
        return
    package, module = types.ModuleType("safetensors"), types.ModuleType("safetensors.torch")

    def save(weights: dict[str, torch.Tensor]) -> bytes:
        buffer = io.BytesIO()
        torch.save(weights, buffer)
        return buffer.getvalue()

    def load(content: bytes) -> dict[str, torch.Tensor]:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)

    module.save, module.load, package.torch, package.SafetensorError = save, load, module, ValueError
    sys.modules |= {"safetensors": package, "safetensors.torch": module}


stand_in()
