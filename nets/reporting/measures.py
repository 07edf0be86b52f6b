"""The numbers of a run: what each one measures, its value, and how it was measured."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class Measure(NamedTuple):
    """A metric, and the split on which it is measured."""

    metric: str
    split: str


@dataclass(frozen=True)
class Number:
    """An entry of `metrics.json`. `value` is None if it could not be measured, and `reason` says why."""

    split: str
    metric: str
    value: float | None
    direction: str  # higher, lower or none
    passport: dict[str, Any] | None = None  # how it was measured, if it is a fidelity number
    reason: str = ""

    @property
    def measure(self) -> Measure:
        """The metric and the split."""
        return Measure(self.metric, self.split)

    @property
    def of_samples(self) -> bool:
        """Whether it measures generated images."""
        return self.metric.endswith(("_indomain", "_inception")) or self.metric == "copies"
