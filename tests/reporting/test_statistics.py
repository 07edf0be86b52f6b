"""Means, intervals and holes, against scipy and numbers worked out by hand."""

import warnings

import numpy as np
import pytest
from scipy import stats

from nets.reporting.statistics import half_width, summarise


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


def test_equal_values_have_an_interval_of_nothing():
    assert summarise({0: 5.0, 1: 5.0}, {}).half == 0


def test_a_hole_leaves_no_mean():
    summary = summarise({0: 97.5, 1: None, 2: 97.0}, {1: "diverged"})
    assert (summary.mean, summary.half, summary.n, summary.expected) == (None, None, 2, 3)
    assert summary.gaps == "2 of 3 seeds; diverged: s1"


def test_the_number_of_a_hole_does_not_count():
    assert summarise({0: 97.5, 1: 11.0}, {1: "diverged"}).values == {0: 97.5}


def test_different_reasons_are_told_apart():
    summary = summarise({0: None, 1: float("nan"), 2: None, 3: 1.0}, {0: "diverged", 2: "timed out"})
    assert summary.gaps == "1 of 4 seeds; diverged: s0; not measured: s1; timed out: s2"
