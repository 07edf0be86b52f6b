"""Groups of results for comparing them: by task and data set, then by model."""

from collections.abc import Iterable
from dataclasses import replace

from nets.reporting.measures import Measure
from nets.reporting.results import Result
from nets.tasks.kinds import GENERATION


def views(result: Result) -> list[Result]:
    """A result as comparisons show it: once, but a VAE's twice, for its reconstructions and for its samples."""
    if result.task == GENERATION.name or not result.run.fidelity:
        return [result]
    headline = Measure(GENERATION.headline_of(result.run.fidelity), "test")
    reconstructions = [number for number in result.numbers if not number.of_samples]
    samples = [number for number in result.numbers if number.of_samples]
    return [
        replace(result, numbers=reconstructions),
        replace(result, numbers=samples, headline=headline, task=GENERATION.name),
    ]


def by_comparison(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    """Results by task and data set, in the order given.

    Leaves out extractors, the classifiers that only supply features for measuring generators.
    """
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.run.purpose == "benchmark":
            for view in views(result):
                groups.setdefault((view.task, view.run.dataset), []).append(view)
    return groups


def by_model(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    """Results by model and variant: each value holds the seeds of one table row."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.run.model, result.run.variant), []).append(result)
    return groups
