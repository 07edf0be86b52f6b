"""A number of `metrics.json`, or the reason why it is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nets.errors import UserError
from nets.metrics.metric import Unmeasured, all_metrics, parts

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Measurement:
    """One metric on one split. A value that is not finite or Unmeasured becomes None, with a reason.

    Raises UserError if no table has the metric.
    """

    metric: str
    value: float | Unmeasured | None
    split: str = "test"
    passport: dict[str, Any] | None = None  # how fidelity was measured; only numbers with the same passport compare
    reason: str | None = None  # one sentence, where there is no value

    def __post_init__(self) -> None:
        if parts(self.metric)[0] not in all_metrics():
            raise UserError(f"The metric {self.metric!r} is in no table of nets/metrics/; add its entry there.")
        if isinstance(self.value, Unmeasured):
            object.__setattr__(self, "reason", self.value.reason)
            object.__setattr__(self, "value", None)
        elif self.value is not None and not math.isfinite(self.value):
            object.__setattr__(self, "reason", self.reason or f"It was {self.value}, which can't be averaged.")
            object.__setattr__(self, "value", None)

    @property
    def direction(self) -> str:
        """Which is better, "higher" or "lower", or "none"."""
        return all_metrics()[parts(self.metric)[0]].direction

    def to_json(self) -> dict[str, Any]:
        """The object in `metrics.json`; the key `reason` is there only if there is a reason."""
        names = ("split", "metric", "value", "direction", "passport", *(["reason"] if self.reason is not None else []))
        return {name: getattr(self, name) for name in names}


@dataclass
class Measurements:
    """The metrics of a run, and the arrays that its figures show."""

    metrics: list[Measurement] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    classes: dict[str, list[float | None]] = field(default_factory=dict)  # metrics by class


def by_class(values: dict[str, Any]) -> dict[str, list[float | None]]:
    """Metrics by class as in `metrics.json`: None for a class without a number. An Unmeasured one is left out."""
    return {
        name: [float(value) if math.isfinite(value) else None for value in numbers]
        for name, numbers in values.items()
        if not isinstance(numbers, Unmeasured)
    }
