"""Why a training diverged: its last part once more, from the newest checkpoint, with a look at everything at each step.

A training checks its losses every few steps only, when a single infinite number has long made all weights NaN.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from nets.data.batches import Batch, Batches
from nets.training.loop import Diverged, Training

GROWN = 10  # a loss that is so many times the lowest one has exploded
HUGE = 100  # likewise the largest weight, compared with the first weights
LARGEST = (
    1e6  # a weight beyond it has exploded, whatever the losses say: those of networks that learned are below 1,000
)


class Diagnosis:
    """Watches a training, and raises Diverged for the first thing that is not finite."""

    def __init__(self, training: Training):
        self.training, self.task = training, training.task
        self.take_step, self.measure = training.task.step, training.task.validate
        self.lowest: dict[str, float] = {}  # of each loss
        self.last: dict[str, float] = {}
        self.first = self.now = largest(self.task.networks.parameters())

    def begin(self) -> None:
        """Stand between the training and its task."""
        step, bad = self.training.state.step, first_bad(self.task.networks.state_dict())
        if bad and step:  # a checkpoint may be taken right after the update that broke the weights
            raise Diverged(f"{bad} was no longer finite after step {step}; lower optimizer.lr.")
        if bad:
            raise Diverged(
                f"{bad} was not finite before the first step; look at how the network is initialised, or at the "
                "weights that it starts from."
            )
        self.task.step, self.task.validate = self.step, self.validate  # type: ignore[method-assign]

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """A step of the task, between looks at its images, losses, gradients and weights."""
        self.check_images("training", batch)
        losses = self.take_step(batch)
        state = self.training.state
        where = f"at step {state.step + 1}, in epoch {state.epoch + 1}"
        for name, value in losses.items():
            if not torch.isfinite(value).all():
                raise Diverged(f"train/{name} was not finite {where}, {self.of_loss(name)}")
        gradients = {n: p.grad for n, p in self.task.networks.named_parameters() if p.grad is not None}
        if not self.task.scaler.is_enabled() and (bad := first_bad(gradients)):  # a scaler skips such steps
            raise Diverged(f"The gradient of {bad} was not finite {where}, {self.of_gradient()}")
        if bad := first_bad(self.task.networks.state_dict()):
            raise Diverged(
                f"{bad} was not finite after step {state.step + 1}, although its gradient was; lower optimizer.lr"
                f"{' or raise optimizer.eps' if 'eps' in self.task.run.recipe.optimizer else ''}."
            )
        self.now = largest(self.task.networks.parameters())
        self.last = {name: value.item() for name, value in losses.items()}
        self.lowest = {n: min(abs(value), self.lowest.get(n, abs(value))) for n, value in self.last.items()}
        return losses

    def validate(self, data: Batches) -> dict[str, float]:
        """The task's validation, with a look at its images if a metric is not finite."""
        values = self.measure(data)
        for name, value in values.items():
            if not abs(value) < float("inf"):
                for batch in data.ordered():
                    self.check_images("validation", batch)
                raise Diverged(
                    f"validation/{name} was not finite in epoch {self.training.state.epoch}, although images, training "
                    "losses and weights were; look at what differs outside training, such as batch norm, or lower "
                    "optimizer.lr."
                )
        return values

    def check_images(self, split: str, batch: Batch) -> None:
        """Raise Diverged if images are not finite."""
        finite = torch.isfinite(batch.images)
        if finite.all():
            return
        channel = int((~finite).nonzero()[0, 1])
        deviation = self.task.pixels.std[channel % len(self.task.pixels.std)]
        cause = "its standard deviation is 0, so that standardising divides by 0" if not deviation else "no lr helps"
        raise Diverged(f"Channel {channel} of the {split} images is not finite: {cause}; mend the data set.")

    def exploded(self) -> str | None:
        """How the training shows that its steps are too long; None if it does not."""
        for name, value in self.last.items():
            if abs(value) > GROWN * max(self.lowest[name], 1e-6):
                return f"{name} had risen from {self.lowest[name]:.3g} to {value:.3g}"
        if self.now > HUGE * max(self.first, 0.01):
            return f"the largest weight had grown from {self.first:.3g} to {self.now:.3g}"
        return None

    def of_loss(self, name: str) -> str:
        """The cause and the advice for a loss that is not finite."""
        if not self.last:
            return (
                "the first that was looked at, with finite images and weights; lowering optimizer.lr can't help: look "
                "for a logarithm of 0 or a division by 0 in the network and the loss."
            )
        if sign := self.exploded():
            return f"after {sign}; lower optimizer.lr."
        return (
            f"although images and weights were, and it was {self.last.get(name, 0):.3g} one step before; look for a "
            "logarithm of 0 or a division by 0 in the network and the loss."
        )

    def of_gradient(self) -> str:
        """The cause and the advice for a gradient that is not finite."""
        if sign := self.exploded():
            return f"after {sign}; lower optimizer.lr."
        return (
            "although the losses were; look for a square root, a norm or a logarithm at 0 in the network and the loss."
        )


def exploded(weights: Iterable[Tensor]) -> str | None:
    """One sentence if a training ended with weights that no network learns, although its losses stayed finite."""
    if (end := largest(weights)) <= LARGEST:
        return None
    return (
        f"The largest weight ended at {end:.3g}, beyond {LARGEST:,.0f}, although the losses stayed finite; lower "
        "optimizer.lr."
    )


def first_bad(values: dict[str, Tensor]) -> str | None:
    """The name of the first tensor that is not finite."""
    return next((name for name, value in values.items() if not torch.isfinite(value).all()), None)


def largest(weights: Iterable[Tensor]) -> float:
    """The largest magnitude among weights."""
    return max((weight.detach().abs().max().item() for weight in weights if weight.numel()), default=0.0)
