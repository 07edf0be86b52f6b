"""Learning-rate schedules as functions of the step alone, so a checkpoint need not save them."""

import math
from typing import Any


def lr_factor(schedule: dict[str, Any], step: int, steps_per_epoch: int, epochs: int) -> float:
    """The factor of the recipe's learning rate at a step, counted from 0 (the recipe's schema explains the keys)."""
    warmup = schedule["warmup_epochs"] * steps_per_epoch
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, epochs * steps_per_epoch - warmup)
    match schedule["name"]:
        case "step":
            passed = sum(step >= epoch * steps_per_epoch for epoch in schedule["milestones"])
            return schedule["gamma"] ** passed
        case "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        case _:
            return 1.0
