"""How large the gradient is in each layer of a network."""

from collections.abc import Callable
from functools import partial
from math import log10
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nets.tasks.contract import Evaluation


def layer_gradients(network: nn.Module, loss: Callable[[], Tensor]) -> dict[str, float]:
    """The root mean square of the gradient of each layer's weights, by name, in the order in which layers run.

    `loss` runs the network. A layer is a module without modules whose units have more than one weight each.
    """
    ran: dict[str, Tensor] = {}
    hooks = []

    def note(name: str, module: nn.Module, inputs: Any) -> None:
        ran.setdefault(name, module.get_parameter("weight"))

    for name, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and weight[0].numel() > 1 and not list(module.children()):
            hooks.append(module.register_forward_pre_hook(partial(note, name)))
    try:
        value = loss()
        gradients = torch.autograd.grad(value, list(ran.values()))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: g.double().square().mean().sqrt().item() for name, g in zip(ran, gradients, strict=True)}


def study(start: dict[str, float], end: dict[str, float]) -> Evaluation:
    """The gradients of a network's layers before and after training: first and last layer as metrics, all as arrays.

    Metrics are powers of ten.
    """
    values: dict[str, float] = {}
    for when, gradients in (("start", start), ("end", end)):
        first, *_, last = [log10(each) if each else -np.inf for each in gradients.values()]
        values |= {f"gradient_first_{when}": first, f"gradient_ratio_{when}": first - last}
    series = {"gradients_start": start, "gradients_end": end}
    arrays = {name: np.array(list(gradients.values())) for name, gradients in series.items()}
    return Evaluation(values, arrays | {"gradient_layers": np.array(list(end))})
