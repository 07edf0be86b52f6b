"""A number of `metrics.json`, or the reason why it is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nets.errors import UserError
from nets.metrics.metric import all_metrics, parts

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Measurement:
    """One metric on one split. A value that is not finite becomes None, with its reason.

    Raises UserError for a metric that is in no table.
    """

    metric: str
    value: float | None
    split: str = "test"
    passport: dict[str, Any] | None = None  # of fidelity: what two numbers must share to be comparable
    reason: str | None = None  # one sentence, where there is no value

    def __post_init__(self) -> None:
        if parts(self.metric)[0] not in all_metrics():
            raise UserError(f"The metric {self.metric!r} is in no table of nets/metrics/; add its entry there.")
        if self.value is not None and not math.isfinite(self.value):
            object.__setattr__(self, "reason", self.reason or f"It was {self.value}, which no mean can be taken of.")
            object.__setattr__(self, "value", None)

    @property
    def direction(self) -> str:
        """Whether "higher" or "lower" is better, or "none"."""
        return all_metrics()[parts(self.metric)[0]].direction

    def to_json(self) -> dict[str, Any]:
        """The object of `metrics.json`; without a reason it has no such key."""
        names = ("split", "metric", "value", "direction", "passport", *(["reason"] if self.reason is not None else []))
        return {name: getattr(self, name) for name in names}


@dataclass
class Measurements:
    """What was measured of a run, and the arrays of which its figures are drawn."""

    metrics: list[Measurement] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
