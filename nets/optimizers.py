"""The optimizers that a recipe may name: their classes in `torch.optim` and their settings.

To add one, add an entry to `OPTIMIZERS`, and one to `SETTINGS` for each setting that is not there yet. Needs no torch.
"""

from dataclasses import dataclass
from typing import Any

from nets.errors import ABSENT, ConfigError, check_complete

POSITIVE = {"type": "number", "exclusiveMinimum": 0}
NOT_NEGATIVE = {"type": "number", "minimum": 0}
SHARE = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}

SETTINGS: dict[str, dict[str, Any]] = {  # constructor arguments, as JSON schema
    "lr": POSITIVE | {"maximum": 1e38, "description": "Highest learning rate."},
    "weight_decay": NOT_NEGATIVE
    | {"maximum": 1e38}
    | {"description": "Factor by which weights are added to their gradient; for AdamW, decoupled."},
    "momentum": SHARE | {"description": "Share of the last step that is added to the next one."},
    "nesterov": {"type": "boolean", "description": "Nesterov's momentum."},
    "betas": {
        **{"type": "array", "items": SHARE, "minItems": 2, "maxItems": 2},
        "description": "Decay of the running averages of gradients and of their squares.",
    },
    "alpha": SHARE | {"description": "Decay of the running average of squared gradients."},
    "norm_bias_lr": POSITIVE
    | {"maximum": 1e6}
    | {
        "description": "Factor of the learning rate of batch norm's biases. Their weight decay is divided by it, so "
        "that a step shrinks all weights alike; 1 if left out."
    },
    "eps": POSITIVE | {"description": "Added to the divisor of a step, the root of the averaged squared gradients."},
}


@dataclass(frozen=True)
class Optimizer:
    """A class of `torch.optim`, and what a recipe may set: constructor arguments, and `norm_bias_lr`."""

    name: str = ABSENT
    settings: tuple[str, ...] = ABSENT  # besides lr, which every optimizer has
    on_gpus: tuple[str, ...] = ()  # arguments that are true there: one kernel a step; its count on the device

    @property
    def keys(self) -> set[str]:
        """All settings."""
        return {"lr", *self.settings}


OPTIMIZERS = {
    "sgd": Optimizer("SGD", ("weight_decay", "momentum", "nesterov", "norm_bias_lr"), ("fused",)),
    "adam": Optimizer("Adam", ("weight_decay", "betas", "eps"), ("fused", "capturable")),
    "adamw": Optimizer("AdamW", ("weight_decay", "betas", "eps"), ("fused", "capturable")),
    "rmsprop": Optimizer("RMSprop", ("weight_decay", "momentum", "alpha", "eps"), ("capturable",)),
}


def optimizer_schema() -> dict[str, Any]:
    """JSON schema of each key of a recipe's `optimizer`. Raises ConfigError if an entry is incomplete."""
    check_complete(OPTIMIZERS, "nets/optimizers.py")
    for name, optimizer in OPTIMIZERS.items():
        for setting in optimizer.settings:
            if setting not in SETTINGS:
                raise ConfigError(f"nets/optimizers.py: SETTINGS lacks {setting!r}, which {name} has; add its range.")
    return {"name": {"enum": list(OPTIMIZERS)}} | SETTINGS
