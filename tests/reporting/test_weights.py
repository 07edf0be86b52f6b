"""Which weights a number is of: chosen on validation (the headline), of the last epoch, best on test (leaks)."""

from dataclasses import replace

import pytest

from nets.reporting.measures import Measure, Number
from nets.reporting.results import load_results
from nets.reporting.tables.comparison import comparison_table
from nets.reporting.tables.verdicts import verdict
from nets.suite.published import Published


@pytest.fixture(scope="module")
def lenets(results):
    """LeNet-5's results as they are evaluated now: the headline is of the weights chosen on validation images."""
    loaded = load_results(results, results / "runs.txt")
    return [replace(r, headline=Measure("top1_best", "test")) for r in loaded if r.name.startswith("lenet5-mnist5k-s")]


def keys(table) -> list[str]:
    return [column.key for column in table.columns if column.metric]


def test_the_headline_is_of_the_chosen_weights_and_the_others_follow(lenets):
    leaked = [replace(r, numbers=[*r.numbers, Number("test", "top1_leaked", 99.9, "higher")]) for r in lenets]
    table = comparison_table(leaked)
    assert keys(table) == [
        *("top1_best", "top1", "top1_leaked", "top5_best", "nll_best", "ece_best", "top5", "nll", "ece")
    ]
    labels = {column.key: column.label for column in table.columns}
    assert labels["top1_best"] == "Top-1 chosen on validation" and labels["top1"] == "Top-1 last epoch"
    assert labels["nll_best"] == "NLL" and labels["nll"] == "NLL last epoch"
    assert [column.key for column in table.columns if column.minor] == ["top5", "nll", "ece"]


def test_where_some_rows_have_no_chosen_weights_the_last_epoch_is_compared(lenets):
    old = replace(lenets[0], headline=Measure("top1", "test"))
    assert keys(comparison_table([old, *lenets[1:]]))[0] == "top1"


def test_a_hole_does_not_choose_the_headline(lenets):
    hole = replace(lenets[0], status="diverged", numbers=[], headline=Measure("top1", "test"))
    assert keys(comparison_table([hole, *lenets[1:]]))[0] == "top1_best"


def test_a_published_value_stands_beside_ours_of_the_same_kind(lenets):
    honest, best = Published(97.0, "a paper", "", ""), Published(99.8, "a repository", "", "", differs=("selection",))
    published = {("lenet5", "mnist5k", "top1", "test"): [honest, best]}
    cells = comparison_table(lenets, published).rows[0].cells
    assert cells["published"].sort == 97.0 and "top1_published" not in cells
    leaked = [
        replace(r, numbers=[*r.numbers, Number("test", "top1_leaked", 99.7 + at / 10, "higher")])
        for at, r in enumerate(lenets)
    ]
    table = comparison_table(leaked, published)
    row, column = table.rows[0], next(c for c in table.columns if c.key == "top1_leaked")
    assert row.cells["published"].sort == 97.0 and row.cells["top1_leaked_published"].sort == 99.8
    assert verdict(row, column, [best]) == "reproduced" or verdict(row, column, [best]) == "within"
    assert verdict(row, table.headline, [best]) == "not comparable: theirs is the best epoch on test images"


def test_answers_of_other_weights_are_not_tested(lenets):
    from nets.reporting.tables.best import difference

    single = comparison_table([lenets[0]])
    other = replace(lenets[1], headline=Measure("top1", "test"), run=replace(lenets[1].run, seed=0, model="b"))
    both = comparison_table([replace(other, headline=Measure("top1_best", "test"))])
    assert difference(single.rows[0], both.rows[0], single.headline).test == "McNemar"
    both.rows[0].results[0] = other
    assert difference(single.rows[0], both.rows[0], single.headline) is None
