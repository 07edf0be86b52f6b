"""The group of the best: the rows of a table that no test tells from the row with the best mean of the headline.

Each row is tested against that one: over seeds if both have two or more, else, for top-1, image by image. Holm's
correction counts the tests. A row without a test is not in the group, and the table says so.
"""

from collections.abc import Sequence

from nets.metrics.metric import stem
from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.statistics import (
    ALPHA,
    MCNEMAR,
    MOST_SEEDS,
    PAIRED,
    WELCH,
    Difference,
    holm,
    mcnemar,
    seeds_to_tell,
    t_test,
)
from nets.reporting.tables.table import ABSENT, Cell, Column, Note, Row, short_names

KEY, SEEDS = "against_best", "against_best_seeds"  # the columns: p-values; how many seeds it would take
BEST, APART, TOGETHER, UNTESTED = "best", "told apart", "not told apart", "can't be told"  # how a row stands
LEAST_SEEDS = 3  # of both rows, to estimate how many it would take
NEEDS = "A test needs two seeds of both rows, and numbers that vary with the seed."
NETWORKS = "†"  # behind a p-value that compares two trained networks
TESTS = {
    PAIRED: "A paired t-test over seeds: two runs with the same seed share the split and the order of the data.",
    WELCH: "Welch's t-test where two rows have different seeds, or a difference that is the same for each seed.",
    MCNEMAR: f"{NETWORKS} McNemar's exact test on the test images, where a row has one seed. It speaks of one trained "
    "network of each row and not of the recipes: other seeds may reverse it.",
}


def against_the_best(rows: Sequence[Row], headline: Column | None) -> tuple[list[Column], list[Note]]:
    """Test rows, sorted by the headline, against the first; mark the group of the best.

    Returns the column of p-values, or none if nothing can be tested, and notes on what the tests say.
    """
    compared = [row for row in rows if headline and row.cells[headline.key].sort is not None]
    if headline is None or headline.unusable or headline.direction == "none" or len(compared) < 2:
        return [], []
    best, *others = compared
    found = [difference(best, row, headline) for row in others]
    tested = [(row, each) for row, each in zip(others, found, strict=True) if each]
    if not tested:
        return [], [Note("", f"No row can be told from the first one, so their order is open. {NEEDS}")]
    names = short_names(rows)
    corrected = holm([each.p for _, each in tested])
    for row in rows:
        row.cells[KEY], row.cells[SEEDS] = Cell(ABSENT), Cell(ABSENT)
    for row in others:
        row.cells[KEY] = Cell(UNTESTED, hint=NEEDS, raw=raw(UNTESTED))
    for (row, each), p in zip(tested, corrected, strict=True):
        row.cells[KEY] = p_cell(each, p, headline)
        row.cells[SEEDS] = seeds_cell(each, headline)
    best.cells[KEY] = Cell(ABSENT, hint="The other rows are tested against this one.", raw=raw(BEST))
    for row in compared:
        row.cells[headline.key].best = standing(row) in (BEST, TOGETHER)
    columns = [Column(KEY, f"Against {names[best.label]}", "p")]
    if any(row.cells[SEEDS].sort is not None for row in rows):
        columns.append(Column(SEEDS, "Seeds to tell apart"))
    return columns, [
        Note("", group_note(compared, headline, names)),
        Note("", test_note(tested)),
        *power_note(f"{names[best.label]} from {names[others[0].label]}", others[0], found[0], headline),
    ]


def difference(best: Row, row: Row, headline: Column) -> Difference | None:
    """The tested difference between two rows; None if there is no test."""
    first, second = (each.cells[headline.key].seeds for each in (best, row))
    if min(len(first), len(second)) > 1:
        return t_test(first, second)
    if stem(headline.metric) != "top1":
        return None
    runs = one_of_each(best.results, row.results)
    if any(run.headline and run.headline.metric != headline.metric for run in runs):  # answers of other weights
        return None
    ours, theirs = (run.right for run in runs)
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return None
    a, b = ours[1], theirs[1]
    return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()), len(a))


def one_of_each(first: Sequence[Result], second: Sequence[Result]) -> tuple[Result, Result]:
    """A run of each row: those with the lowest seed that both have, else the first of each."""
    runs = [{result.run.seed: result for result in row} for row in (first, second)]
    shared = sorted(runs[0].keys() & runs[1].keys())
    return (runs[0][shared[0]], runs[1][shared[0]]) if shared else (first[0], second[0])


def raw(group: str, found: Difference | None = None, p: float | None = None) -> dict[str, object]:
    """A row's cells in the CSV; p-values before and after Holm's correction."""
    values = {"group": group, "test": found and found.test, "difference": found and found.value}
    values |= {"test_n": found and found.n, "p": found and found.p, "p_holm": p}
    return {f"{KEY}_{name}": value for name, value in values.items()}


def p_cell(found: Difference, p: float, headline: Column) -> Cell:
    """The cell of a corrected p-value."""
    text = "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
    value = ("+" if found.value > 0 else "") + in_words(found.value, headline)
    of = f"{found.n:,} images" if found.test == MCNEMAR else f"{found.n} seeds"
    hint = f"{found.test}, {of}: {value}, p {found.p:.2g} uncorrected"
    group = APART if p < ALPHA else TOGETHER
    return Cell(text + (f" {NETWORKS}" if found.test == MCNEMAR else ""), p, hint=hint, raw=raw(group, found, p))


def in_words(difference: float, headline: Column) -> str:
    """A difference with its unit; percentages differ by points."""
    unit = "points" if headline.unit == "%" else headline.unit
    return f"{glossary.number(difference, headline.decimals)} {unit}".strip()


def standing(row: Row) -> str:
    """How a row stands to the one with the best mean: BEST, TOGETHER, APART or UNTESTED."""
    return row.cells[KEY].raw[f"{KEY}_group"]


def test_of(row: Row) -> str | None:
    """The test of a row against the one with the best mean: PAIRED, WELCH, MCNEMAR or None."""
    return row.cells[KEY].raw[f"{KEY}_test"]


def group_note(compared: Sequence[Row], headline: Column, names: dict[str, str]) -> str:
    """Which rows are the group of the best, and how many rows have no test."""
    best, *others = compared
    together = [names[row.label] for row in others if standing(row) == TOGETHER]
    untested = sum(standing(row) == UNTESTED for row in others)
    first, end = names[best.label], "highest" if headline.direction == "higher" else "lowest"
    if together:
        text = f"Bold: the group of the best. No test tells {listed(together)} from {first}, which has the {end} mean."
    else:
        text = f"Bold: {first}, which has the {end} mean, differs significantly from every row that could be tested."
    if untested:
        text += f" {untested} row{'s have' if untested > 1 else ' has'} no test, and can't be told from it."
    return text


def test_note(tested: Sequence[tuple[Row, Difference]]) -> str:
    """Which tests gave the p-values."""
    used = [text for test, text in TESTS.items() if test in {each.test for _, each in tested}]
    corrected = f", Holm-corrected for {len(tested)} tests" if len(tested) > 1 else ""
    return " ".join([f"p: two-sided{corrected}; below {ALPHA:.2g}, two rows are told apart.", *used])


def seeds_needed(found: Difference | None) -> int | None:
    """How many seeds of each row would show a difference, if it and the spread are those of the seeds so far.

    None if that can't be estimated: it takes three seeds of both, and a difference. MOST_SEEDS + 1 stands for more.
    """
    if found is None or not found.value or not found.deviations or found.n < LEAST_SEEDS:
        return None
    return seeds_to_tell(found.value, found.deviations) or MOST_SEEDS + 1


def seeds_cell(found: Difference, headline: Column) -> Cell:
    """The cell of `seeds_needed`."""
    count = seeds_needed(found)
    if count is None:
        return Cell(ABSENT, hint=f"It takes {LEAST_SEEDS} seeds of both rows to estimate this.")
    hint = f"if the difference of {in_words(abs(found.value), headline)} is real"
    return Cell(f"> {MOST_SEEDS:,}" if count > MOST_SEEDS else f"{count}", count, hint=hint, raw={SEEDS: count})


def power_note(names: str, second: Row, found: Difference | None, headline: Column) -> list[Note]:
    """How many seeds would tell the first two rows apart, 'A from B', unless they are or have equal means."""
    if standing(second) == APART or (found and not found.value):
        return []
    count = seeds_needed(found)
    if found is None or count is None:
        words = "that takes three seeds of both, and numbers that vary with the seed"
        return [Note("", f"How many seeds would tell {names} can't be estimated: {words}.")]
    seeds = f"About {count} seeds" if count <= MOST_SEEDS else f"More than {MOST_SEEDS:,} seeds"
    size = in_words(abs(found.value), headline)
    return [
        Note(
            "",
            f"{seeds} of each would tell {names} (tested alone, two-sided at 5 %, power 80 %), if the difference of "
            f"{size} is real and other seeds vary as much as these {found.n}.",
        )
    ]


def listed(names: Sequence[str]) -> str:
    """'A', 'A and B', 'A, B and C'."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
