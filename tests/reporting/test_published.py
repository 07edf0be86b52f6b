"""Published values beside ours: the difference and its explanation."""

import re
import shutil
from dataclasses import replace

import pytest

from nets.reporting.comparisons import compare, write_tables
from nets.reporting.grouping import by_comparison
from nets.reporting.measures import Measure, Number
from nets.reporting.results import load_results
from nets.reporting.tables import formats
from nets.reporting.tables.comparison import comparison_table
from nets.reporting.tables.literature import changes, reported
from nets.suite.published import Published
from tests.reporting.pages import report_of

PUBLISHED = {
    ("lenet5", "mnist5k", "top1", "test"): [
        Published(98.0, "LeCun et al. 1998", "error 2 %", "more training images"),
        Published(97.5, "someone/somewhere", "", ""),
    ],
    ("mlp", "mnist5k", "top1", "test"): [Published(95.3, "LeCun et al. 1998", "", "")],
    ("dcgan", "mnist5k", "top1", "test"): [Published(1.0, "no such metric", "", "")],
}


@pytest.fixture(scope="module")
def table(results):
    group = by_comparison(load_results(results, results / "runs.txt"))["classification", "mnist5k"]
    return comparison_table(group, PUBLISHED)


def row_of(table, label):
    return next(row for row in table.rows if row.label == label)


def test_the_columns_are_between_measurements_and_costs(table):
    keys = [column.key for column in table.columns]
    at = keys.index("published")
    assert keys[at : at + 4] == ["published", "difference", "explanation", "parameters"]


def test_the_difference_is_ours_minus_the_first_published(table):
    cells = row_of(table, "LeNet-5").cells
    assert cells["published"].text == "98.00"
    assert cells["difference"].sort == pytest.approx(cells["top1"].sort - 98)
    assert cells["difference"].text.startswith("−0.")
    assert cells["explanation"].text == "more training images"


def test_a_hole_has_no_difference_and_a_model_without_a_value_no_cells(table):
    assert row_of(table, "MLP").cells["published"].sort == 95.3
    assert row_of(table, "MLP").cells["difference"].sort is None
    assert {row_of(table, "Softmax regression").cells[key].text for key in ("published", "explanation")} == {"–"}


def test_sources_are_noted(table):
    (column,) = [column for column in table.columns if column.key == "published"]
    words = dict(table.notes)[column.marks]
    assert "LeNet-5: 98.00 (LeCun et al. 1998; error 2 %), 97.50 (someone/somewhere)" in words


def test_without_published_values_there_are_no_columns(results):
    groups = by_comparison(load_results(results, results / "runs.txt"))
    for key in (("generation", "mnist5k"), ("classification", "polynomials")):
        assert "published" not in [column.key for column in comparison_table(groups[key], PUBLISHED).columns]


def test_every_format_has_published_values(table, results):
    assert re.search(r"published,published_source,difference,explanation", formats.raw(table).splitlines()[0])
    assert "| Explanation |" in formats.markdown(table)
    assert "more training images" not in formats.latex(table)  # too wide for paper; the CSV has it
    assert "98.00" in formats.latex(table)
    assert 'class="words "' in formats.html(table)


def test_the_page_shows_the_tables_that_were_written(results, tmp_path):
    folder = shutil.copytree(results, tmp_path / "quick")
    assert "more training images" not in report_of(folder)
    for comparison in compare(load_results(folder, folder / "runs.txt"), PUBLISHED):
        write_tables(comparison, folder / "tables")
    assert "more training images" in report_of(folder)


def test_changes_of_the_row_are_put_into_words(lenets):
    run = lenets[0].run
    network = replace(run.networks["classifier"], args={"width": 0.25})
    recipe = replace(run.recipe, epochs=12, augment={"flip": False}, ema=0.9)
    overridden = {
        "epochs": 200, "model.width": 1.0, "augment.flip": True, "schedule.milestones": [60], "ema": None,
        "optimizer.lr": 0.1,
    }  # fmt: skip
    run = replace(run, networks={"classifier": network}, recipe=recipe, overridden=overridden)
    assert changes(run) == [
        "12 of 200 epochs", "width 0.25", "augment.flip off, not on", "ema 0.9", "optimizer.lr 0.001, not 0.1",
    ]  # fmt: skip
    assert changes(replace(run, overridden={"epochs": 4})) == ["12 epochs, not 4"]


def test_a_variant_is_compared_with_values_of_its_own(results):
    group = by_comparison(load_results(results, results / "runs.txt"))["classification", "mnist5k"]
    own = {("lenet5-wide_2", "mnist5k", "top1", "test"): [Published(99.0, "a paper on width", "", "")]}
    table = comparison_table(group, PUBLISHED | own)
    assert row_of(table, "LeNet-5 (wide 2)").cells["published"].sort == 99.0
    assert row_of(table, "LeNet-5").cells["published"].sort == 98.0


def changed(result, numbers=(), **description):
    """A result with other entries of its run's description, and more numbers."""
    return replace(result, run=replace(result.run, **description), numbers=[*result.numbers, *numbers])


@pytest.fixture(scope="module")
def lenets(results):
    """The three seeds of LeNet-5."""
    loaded = load_results(results, results / "runs.txt")
    return [result for result in loaded if result.name.startswith("lenet5-mnist5k-s")]


@pytest.mark.parametrize(
    ("variant", "transfer", "compared"),
    [
        ("features", "feature_extraction", None),
        ("fine_tuned", "fine_tuning", 97.0),
        ("", "fine_tuning", None),
        ("as_fetched", "evaluate_only", 98.0),
    ],
)
def test_what_starts_from_other_weights_is_not_compared_with_training_from_scratch(lenets, variant, transfer, compared):
    own = {("lenet5-fine_tuned", "mnist5k", "top1", "test"): [Published(97.0, "a paper on transfer", "", "")]}
    recipe = replace(lenets[0].run.recipe, options={"pretrained": "w", "transfer": transfer})
    group = [changed(result, variant=variant, recipe=recipe, pretrained={"name": "w"}) for result in lenets]
    (row,) = comparison_table(group, PUBLISHED | own).rows
    assert compared == (row.cells["published"].sort if "published" in row.cells else None)


def test_every_metric_with_values_has_its_columns_the_headline_first(lenets):
    reasons = "more training images; another decoder"
    top5 = {("lenet5", "mnist5k", "top5", "test"): [Published(99.9, "someone/else", "", reasons)]}
    table = comparison_table(lenets, PUBLISHED | top5)
    keys = [column.key for column in table.columns]
    assert keys[keys.index("published") :][:5] == [
        "published", "difference", "top5_published", "top5_difference", "explanation",
    ]  # fmt: skip
    (row,) = table.rows
    assert row.cells["top5_difference"].sort == pytest.approx(row.cells["top5"].sort - 99.9)
    assert row.cells["explanation"].text == "more training images; Top-5: another decoder"
    (column,) = [column for column in table.columns if column.key == "top5_published"]
    assert (column.label, column.unit) == ("Published Top-5", "%")
    words = "Published Top-5; the first of each model is compared with ours. LeNet-5: 99.90"
    assert dict(table.notes)[column.marks].startswith(words)
    head = formats.raw(table).splitlines()[0]
    assert "difference,top5_published,top5_published_source,top5_difference,explanation" in head
    assert "nll_published" not in head


def test_another_split_has_a_column_if_a_value_is_published(lenets):
    group = [changed(result, numbers=[Number("train", "top1", 99.5, "higher")]) for result in lenets]
    train = {("lenet5", "mnist5k", "top1", "train"): [Published(99.0, "its author", "", "")]}
    assert "train_top1" not in [column.key for column in comparison_table(group, PUBLISHED).columns]
    table = comparison_table(group, PUBLISHED | train)
    assert [column.key for column in table.columns][:3] == ["top1", "train_top1", "top5"]
    assert table.headline.key == "top1"
    (row,) = table.rows
    assert (row.cells["train_top1"].text, row.cells["train_top1_difference"].text) == ("99.50", "+0.50")
    assert row.cells["published"].sort == 98.0
    assert "Published Top-1 (train)" in formats.markdown(table)


def test_a_variant_of_another_task_is_not_compared_with_the_plain_model(lenets):
    values = {("lenet5", "mnist5k", "mse", "test"): [Published(0.04, "its author", "", "")]}
    plain, other = (changed(lenets[0], task="reconstruction", variant=variant) for variant in ("", "latent30"))
    assert [bool(reported(result.run, Measure("mse", "test"), values)) for result in (plain, other)] == [True, False]


def test_numbers_with_a_passport_are_not_compared(results):
    group = by_comparison(load_results(results, results / "runs.txt"))["generation", "mnist5k"]
    fid = {("dcgan", "mnist5k", "fid_indomain", "test"): [Published(1.0, "measured otherwise", "", "")]}
    assert "published" not in [column.key for column in comparison_table(group, fid).columns]


def test_a_variant_without_values_of_its_own_is_not_compared_with_the_plain_model(lenets):
    plain, cutout = (changed(lenets[0], variant=variant) for variant in ("", "cutout"))
    assert [bool(reported(result.run, Measure("top1", "test"), PUBLISHED)) for result in (plain, cutout)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("value", "reasons"),
    [(99.9, "fewer images; another optimizer"), (20.0, "more epochs; another optimizer")],
)
def test_only_reasons_that_fit_the_sign_of_the_difference_are_given(lenets, value, reasons):
    explains = "worse: fewer images; better: more epochs; another optimizer"
    (row,) = comparison_table(
        lenets, {("lenet5", "mnist5k", "top1", "test"): [Published(value, "me", "", explains)]}
    ).rows
    assert row.cells["explanation"].text == reasons


def test_ours_is_worse_if_its_error_is_higher(lenets):
    values = {("lenet5", "mnist5k", "nll", "test"): [Published(0.0, "me", "", "worse: fewer images; better: luck")]}
    (row,) = comparison_table(lenets, values).rows
    assert row.cells["explanation"].text == "NLL: fewer images"


def test_a_value_that_was_not_read_in_its_source_is_shown_but_not_compared(lenets):
    doubtful = Published(98.0, "a page", "", "worse: fewer images", checked="second hand")
    table = comparison_table(lenets, {("lenet5", "mnist5k", "top1", "test"): [doubtful]})
    (row,) = table.rows
    assert [row.cells[key].text for key in ("published", "difference", "explanation")] == ["98.00", "–", "–"]
    assert "LeNet-5: 98.00 (a page; second hand: not compared)" in str(table.notes)


COPY = "images from a copy of the data set, not from the published files; "


@pytest.mark.parametrize(("canonical", "first"), [(False, COPY), (True, "")])
def test_a_copy_of_the_data_is_named_before_the_other_reasons(results, canonical, first):
    group = by_comparison(load_results(results, results / "runs.txt"))["classification", "mnist5k"]
    data = {"kind": "class_folder", "canonical": canonical}
    seen = [replace(each, manifest=each.manifest | {"data": data}) for each in group]
    cell = row_of(comparison_table(seen, PUBLISHED), "LeNet-5").cells["explanation"]
    assert cell.text == first + "more training images"
