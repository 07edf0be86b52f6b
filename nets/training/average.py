"""The moving average of weights: a recipe's `ema`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage:
    """An exponential moving average of all weights and batch-norm statistics of some networks.

    Early in training it forgets faster: the decay is min(decay, (1 + step) / (10 + step)), as in
    `tf.train.ExponentialMovingAverage` with `num_updates`. Otherwise the initial weights would dominate the averages of
    short trainings.
    """

    def __init__(self, networks: nn.Module, decay: float):
        self.networks, self.decay = networks, decay
        self.weights = {name: value.detach().clone() for name, value in networks.state_dict().items()}
        self.places = places_of(networks)  # by name, like `weights`
        self.smooth = [name for name, value in self.weights.items() if value.is_floating_point()]
        self.whole = [name for name in self.weights if name not in set(self.smooth)]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Add the weights after a step, counted from 1. Integers (batch norm's counters) are copied."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(*self.pairs(self.smooth), 1 - decay)
        if self.whole:
            torch._foreach_copy_(*self.pairs(self.whole))

    def pairs(self, names: list[str]) -> tuple[list[Tensor], list[Tensor]]:
        """The averages with these names, and what the networks have now."""
        places = [self.places[name] for name in names]
        return [self.weights[name] for name in names], [holder[key] for holder, key in places]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the networks the average while the block runs, then their own weights back."""
        own = {name: value.detach().clone() for name, value in self.networks.state_dict().items()}
        self.networks.load_state_dict(self.weights)
        try:
            yield
        finally:
            self.networks.load_state_dict(own)

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Continue from the `weights` of a checkpoint."""
        for name, value in weights.items():
            self.weights[name].copy_(value)


def places_of(networks: nn.Module) -> dict[str, tuple[dict[str, Any], str]]:
    """Where each tensor of `state_dict()` is: the dictionary of a module, and its key there.

    Looking there costs less than `state_dict()`, and also finds buffers that a network has replaced.
    """
    return {
        f"{prefix}.{key}" if prefix else key: (holder, key)
        for prefix, module in networks.named_modules(remove_duplicate=False)
        for holder in (module._parameters, module._buffers)
        for key in holder
    }
