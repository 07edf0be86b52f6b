"""Makes rows, sorts them by a column, and makes the cell of a mean over seeds."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from nets.reporting import glossary
from nets.reporting.grouping import by_model
from nets.reporting.results import Result
from nets.reporting.statistics import Summary, wilson
from nets.reporting.tables.table import Cell, Column, Note, Row

FEW_SEEDS = {
    1: "n = 1: of one seed, nothing can be said of the luck of training. Another seed, or the same on another "
    "processor, may reverse the order of two such rows.",
    2: "n = 2: the interval reaches 12.7 times as far from the mean as the two values do (t with one degree of "
    "freedom), because two values hardly tell their spread.",
}


def rows_of(results: Iterable[Result], cells: Callable[[list[Result], dict[int, str]], dict[str, Cell]]) -> list[Row]:
    """One row per model; `cells` makes its cells from its results and the status of its holes by seed.

    If several rows would have one label, their names in the suite's table follow it.
    """
    groups, rows = by_model(results), []
    labels = [group[0].label for group in groups.values()]
    for key, group in groups.items():
        holes = {result.run.seed: glossary.status(result.status) for result in group if not result.ok}
        label = group[0].label
        label = label if labels.count(label) == 1 else f"{label} [{'-'.join(filter(None, key))}]"
        rows.append(Row(label, group, cells(group, holes)))
    return rows


def rank(rows: list[Row], column: Column) -> None:
    """Sort rows by a column, best first; those without a number keep their order at the end.

    By an unusable column, rows are only sorted into those with and without a number.
    """
    sign = -1 if column.direction == "higher" else 1

    def key(row: Row) -> tuple[bool, float]:
        value = row.cells[column.key].sort
        return value is None, 0.0 if value is None or column.unusable else sign * value

    rows.sort(key=key)


def notes_by_reason(found: Iterable[tuple[Column, str]], what: str) -> list[Note]:
    """A note per reason: the columns that it concerns, and `what` is the matter with them."""
    labels: dict[str, list[str]] = {}
    for column, reason in found:
        labels.setdefault(reason, []).append(column.label)
    return [Note("", f"{', '.join(words)}: {what}. {reason}") for reason, words in labels.items()]


def seed_notes(rows: Iterable[Row]) -> list[Note]:
    """What intervals of one or two seeds can't tell, for the rows that have so few."""
    counts = {len(row.results) for row in rows if row.whole}
    return [Note("", text) for count, text in FEW_SEEDS.items() if count in counts]


class TestSet(NamedTuple):
    """The 95 % interval of the test set alone around the number of a single seed, and the number of its images."""

    low: float
    high: float
    images: int


def of_share(summary: Summary, images: int | None) -> TestSet | None:
    """The interval (Wilson) around a single seed's percentage of so many test images; None if it can't be had."""
    if summary.mean is None or summary.n != 1 or not images:
        return None
    low, high = wilson(round(summary.mean / 100 * images), images)
    return TestSet(100 * low, 100 * high, images)


def summary_cell(summary: Summary, column: Column, test_set: TestSet | None = None) -> Cell:
    """A cell with a mean and its interval, or with what is missing; a single seed may have that of the test set."""
    mean, (low, high) = summary.mean, summary.interval(*glossary.describe(column.metric).limits)
    raw: dict[str, float | None] = {"mean": mean, "ci_low": low, "ci_high": high, "n": summary.n}
    if (boot := summary.bootstrapped)[0] is not None:
        raw |= {"bootstrap_low": boot[0], "bootstrap_high": boot[1]}
    if test_set:
        raw |= {"test_low": test_set.low, "test_high": test_set.high, "test_images": test_set.images}
    raw = {f"{column.key}_{name}": value for name, value in raw.items()}
    if mean is None:
        short = f"{summary.n} of {summary.expected}"
        return Cell(summary.gaps if column.headline else short, hint=summary.gaps, raw=raw)
    hint = "" if low is not None or summary.n < 2 else "All seeds gave the same number, which has no interval."
    interval = "" if low is None or high is None else around(mean, low, high, column.decimals)
    within = ", ".join(glossary.number(bound, column.decimals) for bound in test_set[:2]) if test_set else ""
    seeds = {str(seed): value for seed, value in summary.values.items()}
    return Cell(glossary.number(mean, column.decimals), mean, interval, within, hint, raw=raw, seeds=seeds)


def around(mean: float, low: float, high: float, decimals: int | None) -> str:
    """An interval around a mean: '± 0.18', or '+0.05 −0.18' if it is shorter on one side, where the metric ends."""
    above, below = (glossary.number(width, decimals) for width in (high - mean, mean - low))
    return f"± {above}" if above == below else f"+{above} −{below}"
