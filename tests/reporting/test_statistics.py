"""Means, intervals, tests and holes, against published numbers and numbers worked out by hand."""

import warnings
from itertools import combinations
from math import comb, sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from nets.reporting.statistics import (
    MCNEMAR,
    PAIRED,
    WELCH,
    bootstrap,
    critical_difference,
    half_width,
    holm,
    mcnemar,
    of_images,
    ranks,
    seeds_to_tell,
    summarise,
    t_test,
    wilson,
)


def test_interval_by_hand():
    # Three values 1, 2, 3: deviation 1, t(2, 97.5 %) = 4.302653, so 4.302653 / sqrt(3).
    assert half_width([1, 2, 3]) == pytest.approx(2.484138, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_interval_is_scipys(n):
    values = np.random.default_rng(n).normal(90, 2, n)
    low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    summary = summarise(dict(enumerate(values)), {})
    assert summary.mean == pytest.approx(values.mean(), rel=1e-12)
    assert summary.mean - summary.half == pytest.approx(low, rel=1e-12)
    assert summary.mean + summary.half == pytest.approx(high, rel=1e-12)


def test_one_seed_has_no_interval():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = summarise({0: 97.5}, {})
    assert (summary.mean, summary.half, summary.n) == (97.5, None, 1)


def test_equal_values_have_no_interval():
    assert summarise({0: 5.0, 1: 5.0}, {}).half is None
    assert summarise({0: 5.0, 1: 5.0}, {}).interval(0, 100) == (None, None)


def test_an_interval_ends_where_the_metric_does():
    summary = summarise({0: 99.0, 1: 99.9, 2: 99.4}, {})
    half = half_width([99.0, 99.9, 99.4])
    assert summary.interval() == pytest.approx((summary.mean - half, summary.mean + half))
    assert summary.interval(0, 100) == (pytest.approx(summary.mean - half), 100)
    near_zero = summarise({0: 0.001, 1: 0.1}, {})
    assert near_zero.interval(0)[0] == 0 and near_zero.interval(0)[1] == pytest.approx(0.0505 + near_zero.half)


def test_a_hole_leaves_no_mean():
    summary = summarise({0: 97.5, 1: None, 2: 97.0}, {1: "diverged"})
    assert (summary.mean, summary.half, summary.n, summary.expected) == (None, None, 2, 3)
    assert summary.gaps == "2 of 3 seeds; diverged: s1"


def test_the_number_of_a_hole_does_not_count():
    assert summarise({0: 97.5, 1: 11.0}, {1: "diverged"}).values == {0: 97.5}


def test_different_reasons_are_told_apart():
    summary = summarise({0: None, 1: float("nan"), 2: None, 3: 1.0}, {0: "diverged", 2: "timed out"})
    assert summary.gaps == "1 of 4 seeds; diverged: s0; not measured: s1; timed out: s2"


def test_two_seeds_have_an_interval_of_12_7_times_their_distance_from_the_mean():
    assert half_width([10, 12]) == pytest.approx(12.7062, abs=1e-4)


# Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
@pytest.mark.parametrize(("right", "images", "low", "high"), [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
])  # fmt: skip
def test_wilsons_interval_is_the_published_one(right, images, low, high):
    assert wilson(right, images) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("right", "images"), [(974, 1000), (9925, 10000), (3, 7)])
def test_wilsons_ends_are_where_the_share_is_just_within_its_quantiles(right, images):
    share, quantile = right / images, stats.norm.ppf(0.975)

    def beyond(p):
        return abs(share - p) - quantile * sqrt(p * (1 - p) / images)

    assert wilson(right, images) == pytest.approx((brentq(beyond, 1e-9, share), brentq(beyond, share, 1 - 1e-9)))


def test_a_thousand_images_carry_1_35_points_at_95_percent():
    low, high = wilson(950, 1000)
    assert 100 * (high - low) / 2 == pytest.approx(1.35, abs=0.01)


def test_the_paired_t_test_by_hand():
    # Differences 1, 2, 3: t = 2 / (1 / sqrt(3)), and with two degrees of freedom p = 1 - t / sqrt(t² + 2).
    found = t_test({"0": 90.0, "1": 95.0, "2": 91.0}, {"2": 94.0, "0": 91.0, "1": 97.0})
    assert (found.test, found.value, found.n) == (PAIRED, pytest.approx(2), 3)
    assert found.p == pytest.approx(1 - sqrt(12 / 14)) and found.deviations == pytest.approx((1.0,))


def test_welchs_t_test_by_hand():
    # Equal spreads: two degrees of freedom, t = 3 / sqrt(2 / 2 + 2 / 2).
    found = t_test({"0": 0.0, "1": 2.0}, {"2": 3.0, "3": 5.0})
    assert (found.test, found.value, found.n) == (WELCH, 3.0, 2)
    assert found.p == pytest.approx(1 - sqrt(4.5 / 6.5)) and found.deviations == pytest.approx((sqrt(2), sqrt(2)))


def test_welchs_degrees_of_freedom_follow_the_spreads():
    first, second = [10.0, 10.1, 9.9, 10.0], [12.0, 17.0, 7.0]
    a, b = np.var(first, ddof=1) / 4, np.var(second, ddof=1) / 3
    freedom, t = (a + b) ** 2 / (a**2 / 3 + b**2 / 2), (12 - 10) / sqrt(a + b)
    found = t_test(dict(zip("0123", first, strict=True)), dict(zip("012", second, strict=True)))
    assert found.p == pytest.approx(2 * stats.t.sf(t, freedom))


@pytest.mark.parametrize("first", [{}, {"0": 90.0}])
def test_one_seed_is_not_tested_over_seeds(first):
    assert t_test(first, {"0": 91.0, "1": 92.0}) is None


def test_differences_that_do_not_vary_are_judged_by_the_spread_of_the_rows():
    counts = {"0": 950, "1": 954}  # of 1,000 images
    first, second = ({seed: 100 * ((count - less) / 1000) for seed, count in counts.items()} for less in (0, 3))
    assert first["0"] - second["0"] != first["1"] - second["1"]  # by rounding
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = t_test(first, second)
        assert t_test(first, first).p == 1
    assert found.test == WELCH and found.p == pytest.approx(1 - sqrt(1.125 / 3.125))  # t = 0.3 / sqrt(0.08)


@pytest.mark.parametrize("seeds", ["01", "23"])
def test_without_spread_there_is_no_test(seeds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert t_test({"0": 97.5, "1": 97.5}, dict.fromkeys(seeds, 97.2)) is None


@pytest.mark.parametrize(("lost", "gained"), [(9, 2), (0, 6), (5, 5), (0, 0), (1, 0), (40, 22)])
def test_mcnemars_test_is_that_of_a_fair_coin(lost, gained):
    n = lost + gained
    tail = sum(comb(n, k) for k in range(min(lost, gained) + 1)) / 2**n
    found = mcnemar(lost, gained, 1000)
    assert found.p == pytest.approx(min(1, 2 * tail))
    assert (found.test, found.value, found.n) == (MCNEMAR, pytest.approx((gained - lost) / 10), 1000)


def test_holms_correction_is_that_of_r():
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )  # steps 4 x 0.005, 3 x 0.01, 2 x 0.03
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == []


def test_holms_correction_closes_bonferronis():
    # A hypothesis falls if each set of hypotheses with it falls (Marcus, Peritz, Gabriel 1976).
    ps = list(np.random.default_rng(0).random(6) ** 3)
    sets = [chosen for size in range(1, 7) for chosen in combinations(range(6), size)]
    closed = [max(min(1, len(s) * min(ps[i] for i in s)) for s in sets if at in s) for at in range(6)]
    assert holm(ps) == pytest.approx(closed)


# G*Power 3.1, two-sided at 5 %, power 80 %: differences between two dependent and two independent means; Cohen's d.
@pytest.mark.parametrize(("effect", "paired", "count"), [
    (0.2, True, 199), (0.5, True, 34), (0.8, True, 15), (0.2, False, 394), (0.5, False, 64), (0.8, False, 26),
])  # fmt: skip
def test_the_number_of_seeds_is_that_of_published_tables(effect, paired, count):
    assert seeds_to_tell(effect, [1.0] if paired else [1.0, 1.0]) == count


def test_the_number_of_seeds_holds_in_a_simulation_of_unequal_spreads():
    count, dice = seeds_to_tell(3.0, [1.0, 3.0]), np.random.default_rng(0)

    def power(n):
        first, second = dice.normal(0, 1, (20000, n)), dice.normal(3, 3, (20000, n))
        return (stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue < 0.05).mean()

    assert power(count) > 0.79 and power(count - 1) < 0.8


def test_enormous_and_absent_differences_have_an_answer_too():
    assert (seeds_to_tell(50, [1, 1]), seeds_to_tell(1e6, [1.0]), seeds_to_tell(0, [1.0])) == (2, 2, None)


def test_the_bootstrap_interval_needs_ten_seeds_and_is_the_same_again():
    values = list(np.random.default_rng(1).normal(97, 0.4, 12))
    assert bootstrap(values[:9]) is None and bootstrap([97.5] * 12) is None
    assert bootstrap(values) == bootstrap(values[::-1]), "the order of seeds does not count"


def test_the_bootstrap_interval_is_efrons():
    # BCa by its definition (Efron and Tibshirani 1993, 14.3), from resamples of its own.
    values = np.random.default_rng(2).lognormal(0, 0.6, 20)
    means = np.random.default_rng(3).choice(values, (40000, 20)).mean(axis=1)
    bias = stats.norm.ppf((means < values.mean()).mean())
    left_out = (values.sum() - values) / 19
    apart = left_out.mean() - left_out
    acceleration = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    ends = [bias + stats.norm.ppf(q) for q in (0.025, 0.975)]
    quantiles = [stats.norm.cdf(bias + end / (1 - acceleration * end)) for end in ends]
    assert bootstrap(values) == pytest.approx(np.quantile(means, quantiles), rel=0.01)


def test_the_interval_of_the_test_images_covers_the_mean_of_all_images():
    dice = np.random.default_rng(4)
    intervals = [of_images(dice.gamma(2, 1, 200)) for _ in range(2000)]
    assert np.mean([low < 2 < high for low, high in intervals]) == pytest.approx(0.95, abs=0.02)
    assert of_images([0.5]) is None and of_images([0.5, 0.5]) is None and of_images([]) is None


# Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 2006, table 6: AUC of C4.5, alone and
# with tuned m, cf, and both, on 14 data sets; the results are in its section 3.2.2. One of two equal numbers has one
# more digit here, because the table ranks them 2 and 3.
DEMSAR = """0.763 0.768 0.771 0.798  0.599 0.591 0.590 0.569  0.954 0.971 0.968 0.967  0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898  0.936 0.931 0.916 0.931  0.661 0.668 0.609 0.685  0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875  1.000 1.000 1.000 1.000  0.940 0.962 0.965 0.962  0.619 0.666 0.614 0.669
0.972 0.981 0.9752 0.975  0.957 0.978 0.946 0.970"""


def test_ranks_are_those_of_demsars_example():
    found = ranks(np.array(DEMSAR.split(), float).reshape(14, 4), higher=True)
    assert found.mean == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    # The paper has 9.28 without a correction for ties; here are a tie of four rows and three of two.
    assert found.friedman == pytest.approx(9.28 / (1 - (60 + 3 * 6) / (14 * 4 * 15)), abs=5e-3) and found.p < 0.05
    assert found.critical == pytest.approx(1.25, abs=5e-3)


def test_friedmans_statistic_by_hand():
    # Ranks (1, 2, 3), (1, 2, 3), (2, 1, 3): 12 / (N k (k + 1)) sum R² - 3 N (k + 1), with R = 4, 5, 9.
    found = ranks([[1, 2, 3], [1, 2, 3], [2, 1, 3]], higher=False)
    assert found.mean == pytest.approx([4 / 3, 5 / 3, 3])
    assert found.friedman == pytest.approx(12 / (3 * 3 * 4) * (16 + 25 + 81) - 3 * 3 * 4)
    assert found.p == pytest.approx(np.exp(-found.friedman / 2))  # two degrees of freedom
    assert ranks([[1, 1, 1], [2, 2, 2]], higher=True).p == 1


# Demsar 2006, table 5a: critical values of the two-tailed Nemenyi test at 0.05.
@pytest.mark.parametrize(("rows", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (8, 3.031), (10, 3.164)])
def test_nemenyis_critical_values_are_those_of_the_table(rows, q):
    assert critical_difference(rows, 10) / np.sqrt(rows * (rows + 1) / 60) == pytest.approx(q, abs=1e-3)
