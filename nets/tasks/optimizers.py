"""From a recipe's settings to an optimizer of torch, and what several of them share."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from nets.optimizers import OPTIMIZERS


def build_optimizer(
    network: nn.Module, parameters: list[Any], settings: dict[str, Any], device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer of `Recipe.optimizer_of`; `parameters` are tensors, or groups with rates of their own."""
    # Adam refuses betas such as [0, 0.9]: it needs a tuple of floats.
    settings = {key: tuple(map(float, v)) if isinstance(v, list) else v for key, v in settings.items()}
    chosen, factor = OPTIMIZERS[settings.pop("name")], settings.pop("norm_bias_lr", None)
    if factor is not None:
        parameters = with_norm_biases(network, parameters, settings, factor)
    on_device = dict.fromkeys(chosen.on_gpus if device.type == "cuda" else (), True)
    return getattr(torch.optim, chosen.name)(parameters, **settings, **on_device)


def with_norm_biases(
    network: nn.Module, parameters: list[Any], settings: dict[str, Any], factor: float
) -> list[dict[str, Any]]:
    """Groups for an optimizer in which the biases of a network's batch norms learn `factor` times as fast.

    `parameters` are tensors, or groups with rates of their own; `settings` are the optimizer's.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    biases = {id(norm.bias) for norm in norms}
    groups: list[dict[str, Any]] = []
    for group in parameters if isinstance(parameters[0], dict) else [{"params": parameters}]:
        rest = [parameter for parameter in group["params"] if id(parameter) not in biases]
        fast = [parameter for parameter in group["params"] if id(parameter) in biases]
        lr, decay = group.get("lr", settings["lr"]), settings.get("weight_decay", 0)
        groups += [{"params": rest, "lr": lr}] if rest else []
        groups += [{"params": fast, "lr": lr * factor, "weight_decay": decay / factor}] if fast else []
    return groups


def spread_overflow(networks: Iterable[nn.Module]) -> None:
    """If a scaled gradient of one network is not finite, give each network one: so all skip the step or none."""
    of_each = [[p.grad for p in network.parameters() if p.grad is not None] for network in networks]
    nothing = 0 * nn.utils.get_total_norm([gradient for each in of_each for gradient in each])  # or NaN
    for each in of_each:
        each[0].add_(nothing)
