"""The rule of the verdict: what an interval says of a claim, and what its claims say of a lesson.

The difference of two rows is estimated with a 95 % interval: of the mean of pairs (paired t) where a seed means the
same for both rows, else of the difference of two means (Welch). `by` is the smallest difference that counts, 0 if none
is named. With D the difference in the claimed direction and [low, high] its interval, a claim of "higher" or "lower"

- holds if low > 0 and D is at least `by`: there is a difference, and it counts;
- does not hold if high < `by`: whatever difference there is does not count;
- is open otherwise.

A claim of "equal" holds if the interval is within `by` on both sides, and does not hold if it is outside altogether.
One of "misleading" is about the share of draws in which the worse row wins: it holds if low > `by`, and does not hold
if high < `by`.

A lesson holds if all of its claims do. It does not hold if one of them does not; for that, the interval is wider
(Bonferroni) the more claims there are. So either verdict is wrong by luck in at most 5 % of lessons. Fewer than three
seeds tell nothing. Numbers that are the same for each seed of both rows, such as parameters, are compared as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import exp, log, sqrt

import numpy as np

from nets.reporting.statistics import ALPHA, LEVEL, PAIRED, WELCH, Summary, deviation, varies
from nets.suite.lessons import Claim

HOLDS, FAILS, OPEN = "holds", "fails", "open"
WORDS = {HOLDS: "holds here", FAILS: "does not hold here", OPEN: "can't be told with these seeds"}
LEAST = 3  # seeds of each row
ONE_SAMPLE, BOOTSTRAP, EXACT = "one-sample t", "bootstrap", "the same for each seed"
DRAWS, DICE = 2000, 0  # of the bootstrap, and the seed of its generator


@dataclass(frozen=True)
class Estimate:
    """A difference, or a ratio, of two rows, how uncertain it is, and the test."""

    value: float
    test: str
    seeds: int  # the smaller number of both rows
    bounds: Callable[[float], tuple[float, float]]  # the ends of the interval, from its level
    p: float | None = None  # two-sided, that there is no difference; None where nothing is tested


def student(value: float, error: float, freedom: float, test: str, seeds: int) -> Estimate:
    """An estimate with an interval of Student's t; without an error it is exact."""
    from scipy.special import stdtr, stdtrit

    if not error:
        return Estimate(value, EXACT, seeds, lambda _: (value, value))

    def bounds(level: float) -> tuple[float, float]:
        half = float(stdtrit(freedom, (1 + level) / 2)) * error
        return value - half, value + half

    return Estimate(value, test, seeds, bounds, float(2 * stdtr(freedom, -abs(value) / error)))


def difference(first: Summary, second: Summary | float, paired: bool) -> Estimate:
    """The first row's mean minus the second's, or minus a number. If no seed differs from another, it is exact.

    Pairs with equal differences have no spread to judge them by; Welch's test then takes that of the rows.
    """
    a = list(first.values.values())
    if isinstance(second, float):
        return student(sum(a) / len(a) - second, error_of(a), len(a) - 1, ONE_SAMPLE, len(a))
    b, n = list(second.values.values()), min(first.n, second.n)
    value = sum(a) / len(a) - sum(b) / len(b)
    if paired and first.values.keys() == second.values.keys():
        pairs = [first.values[seed] - second.values[seed] for seed in first.values]
        if varies(deviation(pairs), a + b):
            return student(value, error_of(pairs), n - 1, PAIRED, n)
    errors = error_of(a), error_of(b)
    error = sqrt(errors[0] ** 2 + errors[1] ** 2)
    terms = [error_**4 / (len(each) - 1) for error_, each in zip(errors, (a, b), strict=True)]
    return student(value, error, error**4 / sum(terms) if error else 1, WELCH, n)


def error_of(values: list[float]) -> float:
    """The standard error of the mean; 0 if the values differ by rounding only."""
    spread = deviation(values)
    return spread / sqrt(len(values)) if varies(spread, values) else 0.0


def misled(first: Summary, second: Summary, seeds: int) -> Estimate:
    """How often, in percent, the row with the worse mean over all seeds has the better mean of so many seeds, drawn
    from each row on its own; ties count half. The interval is that of a bootstrap over seeds."""
    a, b = (np.array(list(each.values.values())) for each in (first, second))
    sign = 1 if a.mean() >= b.mean() else -1
    dice = np.random.default_rng(DICE)
    picks = [dice.integers(len(each), size=(DRAWS, len(each))) for each in (a, b)]
    shares = [wrong(sign * a[i], sign * b[j], seeds) for i, j in zip(*picks, strict=True)]

    def bounds(level: float) -> tuple[float, float]:
        low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    return Estimate(wrong(sign * a, sign * b, seeds), BOOTSTRAP, min(len(a), len(b)), bounds)


def wrong(better: np.ndarray, worse: np.ndarray, seeds: int) -> float:
    """In how many percent of all choices of seeds the second row has the higher mean; ties count half."""
    means = [np.sort([np.mean(each) for each in combinations(values, seeds)]) for values in (better, worse)]
    below, at = (np.searchsorted(means[0], means[1], side) for side in ("left", "right"))
    return float(100 * (below + at).mean() / 2 / len(means[0]))


@dataclass(frozen=True)
class Judged:
    """A claim and what the numbers say of it."""

    verdict: str
    why: str  # in words; of an open claim, what is missing
    estimate: Estimate | None = None  # of the difference, or of the ratio, in the order of the claim
    interval: tuple[float, float] | None = None


def judge(claim: Claim, first: Summary, second: Summary | float, paired: bool, claims: int = 1) -> Judged:
    """The verdict on one of a lesson's `claims`; `paired`: a seed means the same for both rows."""
    rows = [first] if isinstance(second, float) else [first, second]
    if gaps := [row.gaps for row in rows if not row.complete]:
        return Judged(OPEN, f"numbers are missing ({'; '.join(gaps)})")
    if (fewest := min(row.n for row in rows)) < LEAST:
        return Judged(OPEN, f"{fewest} seed{'s' * (fewest > 1)} can't tell; it takes {LEAST}")
    if claim.relation == "misleading":
        assert isinstance(second, Summary)
        if fewest <= claim.seeds:
            return Judged(OPEN, f"{fewest} seeds can't tell how often {claim.seeds} mislead")
        return ruled(misled(first, second, claim.seeds), claim.by, 1, claims, lambda x: x)
    if claim.factor is None:
        estimate, unit, back = difference(first, second, paired), claim.by, lambda x: x
    elif min(min(row.values.values()) for row in rows) <= 0 or (isinstance(second, float) and second <= 0):
        return Judged(OPEN, "a ratio needs numbers above 0")
    else:
        logs = [Summary({seed: log(value) for seed, value in row.values.items()}) for row in rows]
        other = log(second) if isinstance(second, float) else logs[1]
        estimate, unit, back = difference(logs[0], other, paired), log(claim.factor), exp
    if claim.relation == "equal":
        return alike(estimate, unit, claims, back)
    return ruled(estimate, unit, -1 if claim.relation == "lower" else 1, claims, back)


def ruled(estimate: Estimate, by: float, sign: int, claims: int, back: Callable[[float], float]) -> Judged:
    """The rule for "higher" (sign 1) and "lower" (sign -1); `back` makes ratios from differences of logarithms."""
    low, high = ordered(estimate.bounds(LEVEL), sign)
    least = by if estimate.test == BOOTSTRAP else 0.0
    _, widest = ordered(estimate.bounds(1 - ALPHA / claims), sign)
    if low > least and sign * estimate.value >= by:
        verdict, why = HOLDS, "the interval is on the claimed side" + (" and the difference counts" if by else "")
    elif widest < by or (not by and widest <= 0 and estimate.test == EXACT):
        verdict = FAILS
        why = "the whole interval is below what counts" if by else "the whole interval is on the other side"
    else:
        verdict, why = OPEN, "the interval holds both what the claim says and what it denies"
    return shown(verdict, why, estimate, back)


def alike(estimate: Estimate, by: float, claims: int, back: Callable[[float], float]) -> Judged:
    """The rule for "equal"."""
    low, high = estimate.bounds(LEVEL)
    lowest, highest = estimate.bounds(1 - ALPHA / claims)
    if -by <= low and high <= by:
        return shown(HOLDS, "the whole interval is within what does not count", estimate, back)
    if lowest > by or highest < -by:
        return shown(FAILS, "the whole interval is outside what does not count", estimate, back)
    return shown(OPEN, "the interval reaches beyond what does not count", estimate, back)


def ordered(bounds: tuple[float, float], sign: int) -> tuple[float, float]:
    """The ends of an interval in the claimed direction."""
    return bounds if sign > 0 else (-bounds[1], -bounds[0])


def shown(verdict: str, why: str, estimate: Estimate, back: Callable[[float], float]) -> Judged:
    """A verdict with its estimate as it is shown: differences as they are, logarithms as ratios."""
    low, high = estimate.bounds(LEVEL)
    value = Estimate(back(estimate.value), estimate.test, estimate.seeds, estimate.bounds, estimate.p)
    return Judged(verdict, why, value, (back(low), back(high)))


def overall(verdicts: list[str]) -> str:
    """The verdict on a lesson, from those on its claims."""
    if FAILS in verdicts:
        return FAILS
    return HOLDS if all(verdict == HOLDS for verdict in verdicts) else OPEN
