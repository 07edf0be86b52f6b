"""The moving average of weights: a recipe's `ema`."""

from collections.abc import Iterator
from contextlib import contextmanager

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

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Add the weights after a step, counted from 1. Integers (batch norm's counters) are copied."""
        decay = min(self.decay, (1 + step) / (10 + step))
        live = self.networks.state_dict()
        smooth = [name for name, value in self.weights.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[name] for name in smooth], [live[name] for name in smooth], 1 - decay)
        for name in self.weights.keys() - set(smooth):
            self.weights[name].copy_(live[name])

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
