"""Means over seeds, intervals and tests, but never the mean of a silently smaller set of seeds.

`docs/statistics.md` says what each of them can and can't tell.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, sqrt

LEVEL = 0.95
BOOTSTRAPPED = 10  # with fewer seeds, resamples are too alike: at 3, the interval would be 0.4 of the t interval
RESAMPLES = 9999
ALPHA = 1 - LEVEL
POWER = 0.8
MOST_SEEDS = 1000  # the largest answer of `seeds_to_tell`
EXACT = 1e-9  # a spread below this share of the values is rounding, not luck
PAIRED, WELCH, MCNEMAR = "paired t", "Welch t", "McNemar"


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of at least two values, with n - 1 degrees of freedom."""
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def varies(spread: float, values: Sequence[float]) -> bool:
    """Whether a standard deviation of these values, or of their differences, is more than rounding."""
    return spread > EXACT * max(map(abs, values))


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of the 95 % Student-t interval of the mean; None for fewer than two values, or for equal ones.

    Equal values have no spread to estimate: two accuracies on the same images may be equal by chance.
    """
    from scipy.special import stdtrit

    n = len(values)
    if n < 2 or not varies(deviation(values), values):
        return None
    return float(stdtrit(n - 1, (1 + LEVEL) / 2)) * deviation(values) / sqrt(n)


def bootstrap(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the mean (BCa, Efron 1987), which assumes no normal distribution.

    None for fewer than BOOTSTRAPPED values, or for equal ones. The same values give the same interval.
    """
    import numpy as np
    from scipy.stats import bootstrap as resample

    if len(values) < BOOTSTRAPPED or not varies(deviation(values), values):
        return None
    settings = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "BCa", "rng": np.random.default_rng(0)}
    found = resample((np.sort(values),), np.mean, **settings).confidence_interval
    return float(found.low), float(found.high)


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
        """Half the width of the confidence interval; None for one seed, equal ones, or if one is missing."""
        return half_width(list(self.values.values())) if self.complete else None

    def interval(self, least: float = -inf, most: float = inf) -> tuple[float | None, float | None]:
        """The ends of the confidence interval, within the values that are possible; (None, None) without one."""
        if self.mean is None or self.half is None:
            return None, None
        return max(self.mean - self.half, least), min(self.mean + self.half, most)

    @property
    def bootstrapped(self) -> tuple[float | None, float | None]:
        """The ends of the bootstrap interval of the mean; (None, None) without one."""
        return (bootstrap(list(self.values.values())) if self.complete else None) or (None, None)

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


def wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % interval (Wilson 1927) of a share, from 0 to 1, of which `right` of `images` images are counted.

    It covers the luck of drawing these test images, and not the luck of training.
    """
    from scipy.stats import binomtest

    interval = binomtest(right, images).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def of_images(errors: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval (Student t) of the mean error of one network over these test images; None without a spread.

    Like Wilson's, it covers the luck of drawing the images, and not the luck of training.
    """
    import numpy as np
    from scipy.special import stdtrit

    n, spread = len(errors), float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0
    mean = float(np.mean(errors)) if n else 0.0
    if not spread:
        return None
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * spread / sqrt(n)
    return mean - half, mean + half


@dataclass(frozen=True)
class Difference:
    """The difference between two rows (the second minus the first), and the test that judges it."""

    test: str  # PAIRED, WELCH or MCNEMAR
    value: float
    p: float  # two-sided, of this test alone
    n: int  # pairs of seeds, the smaller number of seeds, or test images
    deviations: tuple[float, ...] = ()  # of the differences, or of each row, over seeds


def t_test(first: Mapping[str, float], second: Mapping[str, float]) -> Difference | None:
    """Student's paired t-test if both rows have the same seeds, Welch's otherwise; values by seed.

    Differences that are the same for each seed, as those of a few steps of 1/N may be by chance, have no spread to
    judge them by: Welch's test then takes that of the rows. None if a row has fewer than two seeds, or if neither row
    varies over seeds.
    """
    from scipy.stats import ttest_ind, ttest_rel

    if min(len(first), len(second)) < 2:
        return None
    same = first.keys() == second.keys()
    a, b = list(first.values()), [second[seed] for seed in (first if same else second)]
    value, n = sum(b) / len(b) - sum(a) / len(a), min(len(a), len(b))
    if same and varies(spread := deviation([y - x for x, y in zip(a, b, strict=True)]), a + b):
        return Difference(PAIRED, value, float(ttest_rel(b, a).pvalue), n, (spread,))
    spreads = deviation(a), deviation(b)
    if not varies(max(spreads), a + b):
        return None
    return Difference(WELCH, value, float(ttest_ind(b, a, equal_var=False).pvalue), n, spreads)


def mcnemar(lost: int, gained: int, images: int) -> Difference:
    """McNemar's exact test of two trained networks on the same images; `value` is in percent.

    `lost` images are right for the first network alone, `gained` for the second alone. If the networks were equally
    good, fair coins would decide which; the other images tell nothing.
    """
    from scipy.stats import binomtest

    p = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    return Difference(MCNEMAR, 100 * (gained - lost) / images, float(p), images)


def holm(ps: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down method (1979), in the order given."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = largest
    return adjusted


def seeds_to_tell(difference: float, deviations: Sequence[float]) -> int | None:
    """How many seeds of each of two rows show a true `difference` with a power of 80 %, two-sided at 5 %.

    One deviation is that of paired differences over seeds, two are those of independent rows (Welch's degrees of
    freedom). None if 1,000 are too few.
    """
    from scipy.stats import nct, t

    variances = [spread**2 for spread in deviations]
    total = sum(variances)
    per_seed = total**2 / sum(variance**2 for variance in variances)  # Welch's degrees of freedom over n - 1

    def power(n: int) -> float:
        freedom, shift = (n - 1) * per_seed, abs(difference) * sqrt(n / total)
        critical = t.isf(ALPHA / 2, freedom)
        wrong_side = float(nct.cdf(-critical, freedom, shift))  # not a number where it is too small for one
        return float(nct.sf(critical, freedom, shift)) + (wrong_side if isfinite(wrong_side) else 0.0)

    counts = range(2, MOST_SEEDS + 1)
    at = bisect_left(counts, POWER, key=power)  # more seeds have more power
    return counts[at] if at < len(counts) else None


@dataclass(frozen=True)
class Ranks:
    """How rows rank over several data sets (Demsar 2006): 1 is the best; equal numbers share their ranks' mean."""

    mean: list[float]  # of each row
    blocks: int  # data sets
    friedman: float  # chi squared with k - 1 degrees of freedom
    p: float  # of Friedman's test that all rows are equal
    critical: float  # Nemenyi: mean ranks less than this apart can't be told apart at 5 %


def ranks(numbers: Sequence[Sequence[float]], higher: bool) -> Ranks:
    """Ranks of k >= 3 rows on N >= 2 data sets: `numbers` (N, k), `higher` if larger ones are better."""
    import numpy as np
    from scipy.stats import friedmanchisquare, rankdata

    table = np.asarray(numbers, dtype=float)
    blocks, rows = table.shape
    mean = rankdata(-table if higher else table, axis=1).mean(axis=0)
    equal = bool((table == table[:, :1]).all())  # then scipy divides by zero
    found = (0.0, 1.0) if equal else friedmanchisquare(*table.T)
    return Ranks(mean.tolist(), blocks, float(found[0]), float(found[1]), critical_difference(rows, blocks))


def critical_difference(rows: int, blocks: int) -> float:
    """Nemenyi's critical difference of mean ranks at 5 %, for so many rows on so many data sets.

    q sqrt(k (k + 1) / (6 N)), where q is the quantile of the studentized range for infinite degrees of freedom,
    divided by the square root of 2 (Demsar, JMLR 2006, section 3.2.2).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(LEVEL, rows, inf)) / sqrt(2)
    return q * sqrt(rows * (rows + 1) / (6 * blocks))
