"""Each rule of findings with invented numbers: where it fires, what it says, and where it does not fire."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nets.reporting import findings
from nets.reporting.comparisons import Comparison
from nets.reporting.findings import RULES, Suite, find, to_json, to_markdown
from nets.reporting.measures import Number
from nets.reporting.overview import overview
from nets.reporting.results import load_results
from nets.reporting.statistics import summarise
from nets.reporting.tables.across import across, block, together
from nets.reporting.tables.best import against_the_best
from nets.reporting.tables.literature import add_published
from nets.reporting.tables.rows import summary_cell
from nets.reporting.tables.table import Cell, Column, Row, Table
from nets.suite.catalogues import check, schema
from nets.suite.published import Published

TOP1 = Column("top1", "Top-1", "%", "higher", 2, headline=True, metric="top1", split="test")
MSE = Column("mse", "MSE", "", "lower", 4, headline=True, metric="mse", split="test")


@pytest.fixture(scope="module")
def plain(results):
    return load_results(results, results / "runs.txt")[0]


@pytest.fixture
def compared(plain):
    """The function that compares rows: `values` are those of the seeds by model, `costs` the parameters by model."""

    def make(values: dict[str, list[float]], costs: dict | None = None, column: Column = TOP1, dataset: str = "mnist5k",
             published: dict | None = None, cpus: dict | None = None, **overridden) -> Comparison:  # fmt: skip
        rows, headline = [], replace(column)
        for model, seeds in values.items():
            hardware = {"cpu": (cpus or {}).get(model, "One CPU")}
            run = replace(plain.run, model=model, title=model.upper(), dataset=dataset, overridden=overridden)
            runs = [
                replace(
                    plain, folder=plain.folder.with_name(f"{model}-{dataset}-s{seed}"), run=replace(run, seed=seed),
                    manifest=plain.manifest | {"hardware": hardware},
                )
                for seed in range(len(seeds))
            ]  # fmt: skip
            for each in runs:
                each.__dict__["answers"] = {}
            cells = {headline.key: summary_cell(summarise(dict(enumerate(seeds)), {}), headline)}
            if costs:
                cells["parameters"] = Cell(f"{costs[model]}", costs[model])
            rows.append(Row(model.upper(), runs, cells))
        columns = [headline, *([Column("parameters", "Parameters")] if costs else [])]
        columns += add_published(rows, [headline], published or {})
        tests, notes = against_the_best(rows, headline)
        results = [result for row in rows for result in row.results]
        table = Table(f"classification-{dataset}", dataset, columns + tests, rows, notes)
        return Comparison("classification", dataset, results, table, None, None)

    return make


def said(rule: str, *comparisons: Comparison, results: list | None = None, published: dict | None = None) -> list:
    everything = [result for comparison in comparisons for result in comparison.results]
    suite = Suite(everything if results is None else results, comparisons, published or {}, across(comparisons))
    return list(RULES[rule].find(suite))


def test_best_names_the_group_that_no_test_tells_apart(compared):
    (found,) = said("best", compared({"a": [97.8, 97.5, 97.9], "b": [97.6, 97.7, 97.4], "c": [90.0, 90.3, 89.8]}))
    assert found.sentence.startswith("mnist5k: A has the best Top-1, 97.73 ± ")
    assert found.sentence.endswith("%. No test tells B from it.")
    assert (found.rows, found.values) == (["a-mnist5k", "b-mnist5k"], {"tied": ["b-mnist5k"]})
    assert found.runs[0] == "a-mnist5k-s0" and len(found.runs) == 6 and found.table == "classification-mnist5k"


def test_best_says_where_the_best_stands_alone_or_nothing_could_be_tested(compared):
    (alone,) = said("best", compared({"a": [97.8, 97.5, 97.9], "c": [90.0, 90.3, 89.8]}))
    assert alone.sentence.endswith("and differs significantly from the only other row.")
    (untested,) = said("best", compared({"a": [97.8], "b": [90.0]}))
    assert untested.sentence.endswith("97.80 %, but no row could be tested against it.")


def test_best_needs_two_ranked_rows_and_a_headline_that_ranks(compared):
    assert said("best", compared({"a": [97.8, 97.5]})) == []
    unusable = replace(TOP1, unusable="Noise is better.")
    assert said("best", compared({"a": [97.8, 97.5], "b": [97.6, 97.2]}, column=unusable)) == []


def test_cheapest_is_the_one_that_costs_least_within_a_point(compared):
    values = {"a": [97.8, 97.6], "b": [97.0, 96.9], "c": [96.6, 96.5]}
    (found,) = said("cheapest", compared(values, {"a": 1000, "b": 100, "c": 10}))
    assert "of the 2 rows within one point of the best Top-1, B has the fewest parameters (100; the best 1000)" in (
        found.sentence
    )
    assert found.rows == ["b-mnist5k", "a-mnist5k"]
    assert found.values == {"costs": {"parameters": {"least": 100, "of_best": 1000}}}


def test_cheapest_may_be_the_best_itself_and_needs_a_difference(compared):
    values = {"a": [97.8, 97.6], "b": [97.0, 96.9]}
    (found,) = said("cheapest", compared(values, {"a": 10, "b": 100}))
    assert "A, the best (" in found.sentence and found.rows == ["a-mnist5k"]
    assert said("cheapest", compared(values, {"a": 10, "b": 10})) == []
    assert said("cheapest", compared({"a": [97.8, 97.6], "c": [90, 90.2]}, {"a": 100, "c": 10})) == []


def test_near_is_five_percent_where_the_number_is_no_percentage(compared):
    costs = {"a": 1000, "b": 10}
    (found,) = said("cheapest", compared({"a": [0.010], "b": [0.0104]}, costs, MSE))
    assert "within 5 % of the best MSE" in found.sentence and found.rows[0] == "b-mnist5k"
    assert said("cheapest", compared({"a": [0.010], "b": [0.0106]}, costs, MSE)) == []


def test_tied_is_a_row_that_is_far_and_still_not_told_apart(compared):
    far = {"a": [97.8, 97.5, 97.9], "b": [90.0, 96.0, 97.0]}
    (found,) = said("tied", compared(far))
    assert "B (94.33 +5.67 −" in found.sentence or "B (94.33 ± " in found.sentence
    assert found.sentence.endswith("although their means are 3.40 points apart.")
    assert found.values["difference"] == pytest.approx(-3.4)
    assert said("tied", compared(far | {"b": [97.5, 97.6, 97.4]})) == [], "near"
    assert said("tied", compared(far | {"b": [90.0, 90.1, 89.9]})) == [], "told apart"
    assert said("tied", compared({"a": [97.8], "b": [90.0]})) == [], "not tested"


def test_few_seeds_names_rows_with_one_and_rows_that_want_more(compared):
    one, wanting = said("few_seeds", compared({"a": [97.8, 97.5, 97.9], "b": [97.6, 97.7, 97.4], "c": [97.0]}))
    assert one.sentence == "mnist5k: C has one seed, so nothing can be said of the luck of training."
    assert (one.rows, one.values) == (["c-mnist5k"], {"have": 1, "needed": 3})
    assert f"with 3 seeds, B can't be told from A; about {wanting.values['needed']} would do" in wanting.sentence
    assert wanting.values["needed"] > wanting.values["have"] == 3
    (all_of_them,) = said("few_seeds", compared({"a": [97.8], "b": [97.6]}))
    assert "every row has one seed" in all_of_them.sentence


def test_few_seeds_is_silent_where_the_test_tells_rows_apart(compared):
    assert said("few_seeds", compared({"a": [97.8, 97.5, 97.9], "c": [90.0, 90.3, 89.8]})) == []


def test_holes_are_told_by_row_and_reason_with_the_command(results):
    loaded = load_results(results, results / "runs.txt")
    diverged, missing = said("hole", results=loaded)
    assert diverged.sentence == (
        "MLP on MNIST, 5,000 digits has no result for s1 (diverged): The training loss was not finite in epoch 3."
    )
    assert (diverged.rows, diverged.runs) == (["mlp-mnist5k"], ["mlp-mnist5k-s1"])
    assert diverged.command.startswith("snakemake") and missing.values["status"] == "no_data"
    assert said("hole", results=[result for result in loaded if result.ok]) == []


def published(value: float, **more) -> dict:
    return {("a", "mnist5k", "top1", "test"): [Published(value, "its authors", "", "", **more)]}


@pytest.mark.parametrize(("value", "rule", "words"), [
    (99.0, "surprise", "worse than the published 99.00 % (its authors)"),
    (95.0, "surprise", "better than the published 95.00 % (its authors)"),
    (97.7, "reproduced", "whose interval has in it the published 97.70 %"),
])  # fmt: skip
def test_published_values_surprise_or_are_reproduced(compared, value, rule, words):
    reported = published(value)
    comparison = compared({"a": [97.8, 97.5, 97.9], "b": [97.6, 97.7, 97.4]}, published=reported)
    (found,) = said(rule, comparison, published=reported)
    assert words in found.sentence and found.rows == ["a-mnist5k"] and found.values["published"] == value
    other = {"surprise": "reproduced", "reproduced": "surprise"}[rule]
    assert said(other, comparison, published=reported) == []


def test_what_is_not_comparable_surprises_nobody(compared):
    reported = published(99.0, differs=("network",))
    comparison = compared({"a": [97.8, 97.5, 97.9], "b": [97.6, 97.7, 97.4]}, published=reported)
    assert said("surprise", comparison, published=reported) == said("reproduced", comparison, published=reported) == []


def test_unmeasured_metrics_are_told_by_reason(plain):
    why = "No weights."
    lacking = replace(plain, numbers=[Number("test", name, None, "lower", reason=why) for name in ("fid", "kid")])
    (found,) = said("unmeasured", results=[lacking, plain])
    assert found.sentence == "FID and KID were not measured in 1 run. No weights."
    assert found.values == {"metrics": ["fid", "kid"]} and found.runs == [plain.name]
    assert said("unmeasured", results=[plain]) == []


def test_machines_are_told_where_times_do_not_compare(compared):
    values = {"a": [97.8, 97.5], "b": [97.6, 97.2]}
    (found,) = said("machines", compared(values, cpus={"b": "Another CPU"}))
    assert (
        "were trained on One CPU, 1 thread and Another CPU, 1 thread, so their times do not compare" in found.sentence
    )
    assert said("machines", compared(values)) == []


def several(compared, order: str, sets: int) -> list[Comparison]:
    """`order` is from the best model to the worst, by a point on each data set."""
    return [
        compared({model: [90.0 - place - at] for place, model in enumerate(order)}, dataset=f"set{at}")
        for at in range(sets)
    ]


def test_across_data_sets_the_best_mean_rank_is_named(compared):
    (found,) = said("across", *several(compared, "abcde", 6))
    assert found.sentence.startswith("Classification over 6 data sets: A has the best mean rank, 1.00 of 5.")
    assert found.values["ranks"] == {"A": 1, "B": 2, "C": 3, "D": 4, "E": 5} and found.values["datasets"] == 6
    assert "B and C can not be told from it (Nemenyi's critical difference is 2.49" in found.sentence
    assert found.values["groups"] == [["A", "B", "C"], ["B", "C", "D"], ["C", "D", "E"]]


def test_across_says_where_friedmans_test_tells_nothing_apart(compared):
    (found,) = said("across", *several(compared, "abc", 2))
    assert "Friedman's test can't tell the rows apart" in found.sentence


def test_across_needs_three_rows_on_two_data_sets(compared):
    assert said("across", *several(compared, "ab", 4)) == [] == said("across", *several(compared, "abc", 1))


def test_ranks_are_over_the_largest_table_without_gaps(compared):
    sets = [
        compared(dict.fromkeys(models, [90.0]), dataset=f"set{at}") for at, models in enumerate(["abcd", "abcd", "abc"])
    ]
    chosen, keys = block(sets)
    assert len(chosen) == 3 and [model for model, _ in keys] == list("abc"), "nine numbers, not eight"
    assert len(block([*sets[:2], compared({"z": [90.0]}, dataset="other")])[0]) == 2


def test_groups_are_neighbours_within_the_critical_difference():
    assert together([1.0, 1.5, 3.0, 4.9], 1.2) == [[0, 1]]
    assert together([1.0, 2.0, 3.0], 2.0) == [[0, 1], [1, 2]], "exactly as far apart as the limit is apart"
    assert together([1.0, 2.0, 3.0], 5.0) == [[0, 1, 2]]


def test_findings_and_overview_are_as_their_schemas_say(results):
    for name in ("findings", "overview"):
        check(json.loads((results / f"tables/{name}.json").read_text()), schema(name), name)
    check(json.loads((results / "summary.json").read_text()), schema("summary"), "summary")
    content = json.loads((results / "tables/findings.json").read_text())
    ids = [each["id"] for each in content["findings"]]
    assert len(set(ids)) == len(ids) and {each["rule"] for each in content["findings"]} == set(content["rules"])
    known = {row["name"] for path in (results / "tables").glob("classification-*.json") if "pairs" not in path.name
             for row in json.loads(path.read_text())["rows"]}  # fmt: skip
    best = [each for each in content["findings"] if each["rule"] == "best" and each["table"].startswith("class")]
    assert best and all(set(each["rows"]) <= known for each in best)
    assert all((results / "runs" / name).is_dir() for each in content["findings"] for name in each["runs"])
    text = (results / "tables/findings.md").read_text()
    assert all(f"## {rule['title']}" in text for rule in content["rules"].values())


def test_the_overview_tells_machines_times_costs_and_holes(results):
    content = overview("quick", load_results(results, results / "runs.txt"), [])
    assert (content["runs"], content["results"], len(content["holes"])) == (23, 21, 2)
    assert content["machines"][0]["cpu"] == "Invented CPU @ 2.1 GHz" and content["machines"][0]["runs"] == 23
    assert content["started"] == "2026-01-31T12:00:00+00:00" < content["ended"]
    seconds = [json.loads(p.read_text())["seconds"] for p in (results / "runs").glob("*/manifest.json")]
    assert content["cost"]["training_seconds"] == pytest.approx(np.sum(seconds), abs=1e-3)
    assert content["cost"]["joules"] is None and content["cost"]["evaluation_seconds"] is None
    assert overview("empty", [], [])["started"] is None


def test_findings_in_words_have_no_html(compared):
    comparison = compared({"a": [97.8, 97.5], "b": [97.6, 97.2]})
    comparison.table.title = "<b>evil</b>"
    suite = Suite(comparison.results, [comparison], {})
    assert "<b>" not in to_markdown(find(suite)) and to_json(find(suite))["findings"][0]["id"] == "best-1"
    assert set(RULES) >= {each.rule for each in find(suite)} and findings.POINT == 1.0
