"""The columns of measured values: each holds one metric on one split, under one passport, over seeds."""

from collections.abc import Collection, Mapping
from math import isclose

from nets.fidelity.passport import digest
from nets.metrics.metric import CHOSEN, LEAKED, Accuracy, stem
from nets.reporting import glossary
from nets.reporting.measures import Measure, Number
from nets.reporting.results import Result
from nets.reporting.statistics import Summary, of_images, summarise
from nets.reporting.tables.rows import TestSet, of_share, summary_cell
from nets.reporting.tables.table import ABSENT, Cell, Column
from nets.reporting.tables.usability import unusable

UNMEASURED = "not measured"


def metric_columns(results: list[Result], also: Collection[Measure] = ()) -> list[Column]:
    """One column per metric on the headline's split and, for fidelity, per passport; the headline comes first.

    Where weights were chosen, metrics of the last epoch come after the others, except that of the headline.

    Other splits have columns only for the measures in `also`, each after the same metric on the headline's split.
    """
    columns: dict[tuple[Measure, str], Column] = {}
    reasons = unusable(results)
    headlines = [result.headline for result in results if result.headline and result.ok]
    chosen = all(headline.metric.endswith(CHOSEN) for headline in headlines)
    if not chosen:  # some have no chosen weights, or are of a version that put those of the last epoch first
        headlines = [headline for headline in headlines if not headline.metric.endswith(CHOSEN)]
    splits = {headline.split for headline in headlines}
    for result in results:
        for number in result.numbers:
            if (result.headline and number.split == result.headline.split) or number.measure in also:
                key = number.measure, digest(number.passport)
                columns.setdefault(key, column_of(number, reasons))
    with_values = {measure.metric for measure, passport in columns if passport}
    kept = [c for (measure, passport), c in columns.items() if passport or measure.metric not in with_values]
    names, first = {column.metric for column in kept}, {stem(metric) for metric, _ in headlines}
    for column in kept:
        two, best = column.metric + CHOSEN in names, column.metric.endswith(CHOSEN)
        column.label += " last epoch" if two and chosen else ""
        column.minor = two and stem(column.metric) not in first if chosen else best
        if best and chosen and stem(column.metric) not in first:
            column.label = glossary.describe(stem(column.metric)).label  # a note says which weights these are

    def place(column: Column) -> tuple[bool, bool, int, int, bool]:
        which = [CHOSEN, "", LEAKED].index(column.metric.removeprefix(stem(column.metric)))
        other = (column.metric, column.split) not in headlines
        return other, column.minor, glossary.order(column.metric), which, column.split not in splits

    kept.sort(key=place)
    for column in kept[:1]:
        column.headline = True
    return kept


def column_of(number: Number, reasons: Mapping[tuple[str, str], str]) -> Column:
    """The column of a number; `reasons` say which columns are unusable."""
    metric, passport = glossary.describe(number.metric), digest(number.passport)
    indicative = bool(number.passport and number.passport.get("indicative"))
    reason = reasons.get((number.metric, passport), "")
    key = number.metric if number.split == "test" else f"{number.split}_{number.metric}"
    if passport:
        key += f"[{passport}{',indicative' if indicative else ''}{',unusable' if reason else ''}]"
    return Column(
        key,
        metric.label + ("" if number.split == "test" else f" ({number.split})"),
        metric.unit,
        number.direction,
        metric.decimals,
        metric=number.metric,
        split=number.split,
        passport=passport,
        indicative=indicative,
        unusable=reason,
    )


def metric_cell(group: list[Result], column: Column, holes: dict[int, str]) -> Cell:
    """The mean of a metric over a model's seeds."""
    values: dict[int, float | None] = {result.run.seed: None for result in group}
    measured, reasons = False, []
    for result in group:
        for number in result.numbers:
            if number.measure == (column.metric, column.split):
                if number.value is None:
                    reasons.append(number.reason)
                elif digest(number.passport) == column.passport:
                    values[result.run.seed], measured = number.value, True
    if reasons and not measured:
        return Cell(UNMEASURED, hint=reasons[0])
    if not measured and len(holes) < len(group):
        return Cell(ABSENT, hint="This metric is not measured for this model.")
    summary = summarise(values, holes)
    return summary_cell(summary, column, test_set_interval(summary, group, column) if summary.n == 1 else None)


def test_set_interval(summary: Summary, group: list[Result], column: Column) -> TestSet | None:
    """The interval of the test set alone around the number of a single seed; None if it can't be had.

    An accuracy is a share of images (Wilson); the error of an autoencoder is a mean over images (Student t).
    """
    if found := of_share(summary, test_images(group, column)):
        return found
    if (column.metric, column.split) == ("mse", "test") and summary.mean and (errors := group[0].errors) is not None:
        interval = of_images(errors.tolist()) if isclose(float(errors.mean()), summary.mean, rel_tol=1e-3) else None
        return TestSet(*interval, len(errors)) if interval else None
    return None


def test_images(group: list[Result], column: Column) -> int | None:
    """On how many test images a model's accuracy is measured; None for other metrics and splits, or if unknown."""
    counts = isinstance(glossary.describe(column.metric), Accuracy)
    if column.split != "test" or not counts or column.metric.endswith(LEAKED):  # the best of many is no random share
        return None
    return next((count for result in group if (count := result.test_images) is not None), None)
