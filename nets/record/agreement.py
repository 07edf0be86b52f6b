"""Whether two measurements of one run agree, and what differs between the machines and packages that made them.

Each metric declares how far apart two values may be, and why (`nets.metrics.metric.Tolerance`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from nets.reporting import glossary
from nets.reporting.grouping import views
from nets.reporting.measures import Measure, Number
from nets.reporting.results import Result
from nets.suite.changes import differences

MACHINE = ("hardware", "device", "threads")  # keys of a manifest
IDENTICAL, WITHIN, DIFFERENT = "identical", "within the declared tolerance", "different"

Values = Mapping[Measure, float]


def values_of(numbers: Iterable[Number]) -> dict[Measure, float]:
    """The numbers that were measured, by metric and split."""
    return {number.measure: number.value for number in numbers if number.value is not None}


def headlines(result: Result, like: Result | None = None) -> dict[Measure, float]:
    """The headline of each table that shows the run: a VAE has two. `like`: the measures that another one has there."""
    values = values_of(result.numbers)
    measures = [view.headline for view in views(like or result) if view.headline]
    return {measure: values[measure] for measure in measures if measure in values}


def apart(first: Values, second: Values, trained: bool) -> list[Measure]:
    """The measures that only one of two measurements has, or whose values differ by more than their tolerance.

    `trained`: the two are of two trainings of one description; else of the same weights.
    """
    return [
        measure
        for measure in {**first, **second}
        if measure not in first
        or measure not in second
        or not glossary.describe(measure.metric).allowed.allows(first[measure], second[measure], trained)
    ]


def made_alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two manifests are of the same kind of machine, used in the same way, with the same packages and data."""
    return all(first[key] == second[key] for key in (*MACHINE, "packages", "precision")) and same_data(first, second)


def same_data(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two manifests are of the same training images."""
    return first["data"]["sha256"] == second["data"]["sha256"]


def parts(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, list[str]]:
    """How the software and the hardware of two manifests differ, as clauses; keys that only one has don't count."""

    def changed(keys: Iterable[str]) -> list[str]:
        both = [key for key in keys if key in first and key in second]
        return differences(*({key: each[key] for key in both} for each in (first, second)))

    return {"software": changed(("packages", "revision", "precision")), "hardware": changed(MACHINE)}
