"""A suite's numbers for programs: the summary, and every two rows of a table tested against each other."""

import json

import pytest
from scipy import stats

from nets.reporting.results import load_results
from nets.reporting.statistics import holm
from nets.reporting.tables.comparison import comparison_table
from nets.reporting.tables.pairs import pairs


@pytest.fixture(scope="module")
def classifiers(results):
    loaded = load_results(results, results / "runs.txt")
    chosen = ("classification", "mnist5k", "benchmark")
    return [r for r in loaded if (r.task, r.run.dataset, r.run.purpose) == chosen]


def test_the_summary_has_each_tables_numbers(results, classifiers):
    content = json.loads((results / "summary.json").read_text())
    table = next(each for each in content["tables"] if each["table"] == "classification-mnist5k")
    made = comparison_table(classifiers)
    assert [row["row"] for row in table["rows"]] == [row.name for row in made.rows]
    first, hole = table["rows"][0], next(row for row in table["rows"] if row["row"] == "mlp-mnist5k")
    values = {str(r.run.seed): next(n.value for n in r.numbers if n.metric == "top1")
              for r in classifiers if r.name in first["runs"]}  # fmt: skip
    number = first["numbers"]["top1"]
    assert number["seeds"] == values and number["mean"] == pytest.approx(sum(values.values()) / 3)
    interval = stats.t.interval(0.95, 2, number["mean"], stats.sem(list(values.values())))
    assert number["intervals"]["t"] == pytest.approx([interval[0], min(interval[1], 100)])
    assert first["against_best"]["group"] == "best" and first["costs"]["parameters"] == 61706
    assert hole["missing"] == {"1": "diverged"} and hole["numbers"]["top1"]["mean"] is None
    single = next(row for row in table["rows"] if row["variant"] == "wide_2")["numbers"]["top1"]
    assert single["intervals"]["t"] is None and len(single["intervals"]["test_set"]) == 2


def test_every_two_rows_are_tested_and_corrected_for_all_pairs(classifiers):
    table = comparison_table(classifiers)
    found = pairs(table)
    names = [row.name for row in table.ranked]
    assert found["rows"] == names and len(found["pairs"]) == len(names) * (len(names) - 1) // 2
    one = next(p for p in found["pairs"] if p["rows"] == ["lenet5-mnist5k", "softmax-mnist5k"])
    first, second = (
        [list(row.cells["top1"].seeds.values()) for row in table.rows if row.name == name][0] for name in one["rows"]
    )
    assert (one["test"], one["n"]) == ("paired t", 3)
    assert one["p"] == pytest.approx(stats.ttest_rel(second, first).pvalue)
    assert [p["p_holm"] for p in found["pairs"]] == pytest.approx(holm([p["p"] for p in found["pairs"]]))
    assert {p["test"] for p in found["pairs"] if "lenet5-mnist5k-wide_2" in p["rows"]} == {"McNemar"}


def test_a_table_without_tests_has_no_pairs(results):
    loaded = load_results(results, results / "runs.txt")
    assert pairs(comparison_table([r for r in loaded if r.run.dataset == "polynomials"])) is None
