"""A number of `metrics.json`, or the reason why it is missing."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """One metric on one split. A value that is not finite becomes None, with its reason."""

    metric: str
    value: float | None
    direction: str  # "higher", "lower" or "none"
    split: str = "test"
    passport: dict[str, Any] | None = None  # of fidelity: what two numbers must share to be comparable
    reason: str | None = None  # one sentence, where there is no value

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            object.__setattr__(self, "reason", self.reason or f"It was {self.value}, which no mean can be taken of.")
            object.__setattr__(self, "value", None)

    def to_json(self) -> dict[str, Any]:
        """The object of `metrics.json`; without a reason it has no such key."""
        names = ("split", "metric", "value", "direction", "passport", *(["reason"] if self.reason is not None else []))
        return {name: getattr(self, name) for name in names}


@dataclass
class Measurements:
    """What was measured of a run, and the arrays of which its figures are drawn."""

    metrics: list[Measurement] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
