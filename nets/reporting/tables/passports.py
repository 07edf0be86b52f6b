"""The passports of a suite's fidelity numbers, and how each run drew its samples.

A passport says how a number was measured. Only numbers with the same passport are compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nets.fidelity.passport import DRAWN, digest
from nets.reporting.results import Result


@dataclass
class Passport:
    """A passport, the metrics that carry it, and the data sets on which they were measured."""

    digest: str
    content: dict[str, Any]
    metrics: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int | None, int | None]:
        """The numbers of samples and of reference images."""
        return self.content.get("samples"), (self.content.get("reference") or {}).get("count")


def sampling_of(result: Result) -> dict[str, Any] | None:
    """The sampler, steps and moving average with which a run drew its samples; None if it draws none."""
    passports = (number.passport for number in result.numbers if number.passport)
    return next(({key: passport.get(key) for key in DRAWN} for passport in passports if "steps" in passport), None)


def passports_of(results: Iterable[Result]) -> dict[str, Passport]:
    """All passports by digest, in the order in which they occur."""
    passports: dict[str, Passport] = {}
    for result in results:
        for number in result.numbers:
            if number.passport is not None:
                key = digest(number.passport)
                passport = passports.setdefault(key, Passport(key, number.passport))
                for values, value in ((passport.metrics, number.metric), (passport.datasets, result.run.dataset)):
                    if value not in values:
                        values.append(value)
    return passports
