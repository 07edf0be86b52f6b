"""Learning-rate schedules as functions of the step alone, so a checkpoint need not save them. Needs no torch.

A new schedule is an entry of `DECAYS`: recipes take their names from it.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Position(NamedTuple):
    """Where a run is in its training."""

    step: int  # counted from 0
    steps_per_epoch: int
    progress: float  # share of the steps after the warm-up that are done


def constant(schedule: dict[str, Any], at: Position) -> float:
    """No decay."""
    return 1.0


def step(schedule: dict[str, Any], at: Position) -> float:
    """`gamma` to the power of the milestones that have passed."""
    passed = sum(at.step >= epoch * at.steps_per_epoch for epoch in schedule["milestones"])
    return schedule["gamma"] ** passed


def cosine(schedule: dict[str, Any], at: Position) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter 2017, without restarts)."""
    return (1 + math.cos(math.pi * at.progress)) / 2


def linear(schedule: dict[str, Any], at: Position) -> float:
    """A straight line from 1 to 0; after a warm-up, the triangle of one cycle (Smith and Topin 2018)."""
    return 1 - at.progress


DECAYS: dict[str, Callable[[dict[str, Any], Position], float]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "linear": linear,
}


def lr_factor(schedule: dict[str, Any], step: int, steps_per_epoch: int, epochs: int) -> float:
    """The factor of the recipe's learning rate at a step, counted from 0 (the recipe's schema explains the keys)."""
    warmup = schedule["warmup_epochs"] * steps_per_epoch
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, epochs * steps_per_epoch - warmup)
    return DECAYS[schedule["name"]](schedule, Position(step, steps_per_epoch, progress))
