"""The mean over seeds and its 95 % confidence interval, but never the mean of a silently smaller set of seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt

LEVEL = 0.95


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of the 95 % Student-t interval of the mean; None for fewer than two values."""
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return None
    mean = sum(values) / n
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return float(stdtrit(n - 1, (1 + LEVEL) / 2)) * deviation / sqrt(n)


@dataclass(frozen=True)
class Summary:
    """One quantity of one model over its seeds; `missing` says why a seed has no number."""

    values: dict[int, float]
    missing: dict[int, str] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many seeds have a number."""
        return len(self.values)

    @property
    def expected(self) -> int:
        """How many seeds should have one."""
        return self.n + len(self.missing)

    @property
    def complete(self) -> bool:
        """Whether each seed has a number."""
        return self.n > 0 and not self.missing

    @property
    def mean(self) -> float | None:
        """The mean over all seeds; None if one is missing."""
        return sum(self.values.values()) / self.n if self.complete else None

    @property
    def half(self) -> float | None:
        """Half the width of the confidence interval; None for a single seed, or if one is missing."""
        return half_width(list(self.values.values())) if self.complete else None

    @property
    def gaps(self) -> str:
        """What is missing: '2 of 3 seeds; diverged: s1'."""
        reasons: dict[str, list[str]] = {}
        for seed, reason in self.missing.items():
            reasons.setdefault(reason, []).append(f"s{seed}")
        parts = [f"{reason}: {', '.join(seeds)}" for reason, seeds in reasons.items()]
        return "; ".join([f"{self.n} of {self.expected} seeds", *parts])


def summarise(by_seed: dict[int, float | None], holes: dict[int, str]) -> Summary:
    """Summarise values by seed; `holes` says why a seed has no result."""
    values, missing = {}, {}
    for seed, value in by_seed.items():
        if seed not in holes and value is not None and isfinite(value):
            values[seed] = float(value)
        else:
            missing[seed] = holes.get(seed, "not measured")
    return Summary(values, missing)
