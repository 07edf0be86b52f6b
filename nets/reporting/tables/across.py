"""One task over several data sets: mean ranks, Friedman's test, and Nemenyi's critical difference (Demsar 2006)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.statistics import ALPHA, Ranks, ranks
from nets.reporting.tables.table import Cell, Column, Note, Row, Table

LEAST_ROWS, LEAST_SETS = 3, 2
TRIED = 12  # data sets of which all subsets are tried; more are only tried together
RANK = "mean_rank"

Key = tuple[str, str]  # model and variant


@dataclass(frozen=True)
class Across:
    """A table of ranks, the ranks in its order, and the groups of neighbours that can't be told apart, by place."""

    task: str
    table: Table
    found: Ranks  # its `mean` is in the table's order
    groups: list[list[int]]


def across(comparisons: Iterable[Comparison]) -> list[Across]:
    """A table for each task with three rows that have a number on each of two data sets or more."""
    tasks: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        if comparison.table.headline and comparison.table.ranked:
            tasks.setdefault(comparison.task, []).append(comparison)
    return [made for task, group in tasks.items() if (made := of_task(task, group))]


def of_task(task: str, comparisons: Sequence[Comparison]) -> Across | None:
    """The ranks of one task; None if there are too few rows or data sets."""
    chosen, keys = block(comparisons)
    if not keys:
        return None
    headlines = [comparison.table.headline for comparison in chosen]
    first = headlines[0]
    assert first
    rows = [{key_of(row): row for row in comparison.table.ranked} for comparison in chosen]
    numbers = [
        [float(by_key[key].cells[headline.key].sort or 0) for key in keys]
        for by_key, headline in zip(rows, headlines, strict=True)
        if headline
    ]
    found = ranks(numbers, first.direction == "higher")
    order = sorted(range(len(keys)), key=lambda at: found.mean[at])
    found = Ranks([found.mean[at] for at in order], found.blocks, found.friedman, found.p, found.critical)
    columns = [Column(RANK, "Mean rank", direction="lower", decimals=2, headline=True)]
    columns += [
        Column(c.dataset, c.results[0].dataset_title, h.unit, h.direction, h.decimals, metric=h.metric, split=h.split)
        for c, h in zip(chosen, headlines, strict=True)
        if h
    ]
    made = []
    groups = together(found.mean, found.critical)
    for place, at in enumerate(order):
        rank = found.mean[place]
        best = found.p < ALPHA and rank - found.mean[0] < found.critical
        cells = {RANK: Cell(f"{rank:.2f}", rank, best=best, raw={RANK: rank})}
        for by_key, column, headline in zip(rows, columns[1:], headlines, strict=True):
            assert headline
            shown = by_key[keys[at]].cells[headline.key]
            raw = {f"{column.key}_mean": shown.sort}
            cells[column.key] = Cell(shown.text, shown.sort, shown.interval, shown.bounds, raw=raw)
        results = [result for by_key in rows for result in by_key[keys[at]].results]
        made.append(Row(results[0].short_label, results, cells))
    title = f"{glossary.task_title(task)} over {len(chosen)} data sets"
    return Across(task, Table(f"across-{task}", title, columns, made, notes(found, chosen)), found, groups)


def block(comparisons: Sequence[Comparison]) -> tuple[list[Comparison], list[Key]]:
    """The data sets and the rows of the largest table without gaps: most numbers, then most data sets; or nothing.

    Data sets whose headline is another metric than the first one's are left out.
    """
    first = comparisons[0].table.headline
    alike = [c for c in comparisons if c.table.headline and first and c.table.headline.metric == first.metric]
    keys = [{key_of(row): None for row in comparison.table.ranked} for comparison in alike]
    sizes = range(LEAST_SETS, len(alike) + 1) if len(alike) <= TRIED else [len(alike)]
    best: tuple[list[int], list[Key]] = [], []
    for size in sizes:
        for chosen in combinations(range(len(alike)), size):
            shared = [key for key in keys[chosen[0]] if all(key in keys[at] for at in chosen)]
            if len(shared) >= LEAST_ROWS and size * len(shared) >= len(best[0]) * len(best[1]):
                best = list(chosen), shared
    return [alike[at] for at in best[0]], best[1]


def key_of(row: Row) -> Key:
    """A row's model and variant."""
    return row.results[0].run.model, row.results[0].run.variant


def together(mean: Sequence[float], critical: float) -> list[list[int]]:
    """The largest groups of neighbours, by place in sorted mean ranks, whose ends differ by less than the limit."""
    groups: list[list[int]] = []
    for start in range(len(mean)):
        end = max(at for at in range(len(mean)) if mean[at] - mean[start] < critical)
        if end > start and not (groups and groups[-1][-1] >= end):
            groups.append(list(range(start, end + 1)))
    return groups


def notes(found: Ranks, chosen: Sequence[Comparison]) -> list[Note]:
    """What the tests say, and what they can't."""
    p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.2g}"
    verdict = (
        f"Mean ranks less than {found.critical:.2f} apart (Nemenyi's critical difference at 5 %) can't be told apart."
        if found.p < ALPHA
        else "No row can be told from another."
    )
    words = [
        "Rank 1 is the best; a mean over seeds counts once for each data set. Friedman's test that all rows are equal: "
        f"chi squared {found.friedman:.2f}, {p}, over {found.blocks} data sets. {verdict}",
    ]
    if found.blocks < 5:
        words.append(f"{found.blocks} data sets are few: such a test sees only large and steady differences.")
    labels = [next((r.right[0] for r in c.results if r.ok and r.right), c.dataset) for c in chosen]
    if len(set(labels)) < len(labels):
        words.append("Some of these data sets have the same test images, so they count for less than as many others.")
    return [Note("", text) for text in words]
