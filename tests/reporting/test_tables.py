"""Comparison tables and their formats."""

import csv
import io
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nets.errors import UserError
from nets.fidelity.passport import digest
from nets.reporting import glossary
from nets.reporting.comparisons import compare, read_comparisons
from nets.reporting.grouping import by_comparison, by_model
from nets.reporting.results import load_result, load_results
from nets.reporting.statistics import summarise, wilson
from nets.reporting.tables import formats
from nets.reporting.tables.comparison import comparison_table
from nets.reporting.tables.measured import test_images as images_of
from nets.reporting.tables.rows import FEW_SEEDS, summary_cell
from nets.reporting.tables.table import Column, Row, Table
from nets.reporting.tables.tidy import COLUMNS


@pytest.fixture(scope="module")
def tables(results):
    groups = by_comparison(load_results(results, results / "runs.txt"))
    return {key: comparison_table(group) for key, group in groups.items()}


@pytest.fixture
def classifiers(tables):
    return tables["classification", "mnist5k"]


@pytest.fixture
def generators(tables):
    return tables["generation", "mnist5k"]


def row_of(table, label):
    return next(row for row in table.rows if row.label == label)


def test_metrics_csv_is_tidy(results):
    table = pd.read_csv(results / "metrics.csv")
    assert tuple(table.columns) == COLUMNS
    holes = table[table.status != "ok"]
    assert list(holes.run) == ["mlp-mnist5k-s1", "lenet5-polynomials-s0"]
    assert holes[["split", "metric", "value", "direction"]].isna().all().all()
    empty = table[(table.status == "ok") & table.value.isna()]
    assert set(empty.metric) == {"fid_inception"}


def test_extractors_are_in_no_table(tables):
    assert not [row for table in tables.values() for row in table.rows if "extractor" in row.label]


def test_mean_and_interval_are_those_of_the_runs(results, classifiers):
    table = pd.read_csv(results / "metrics.csv")
    values = table[(table.model == "softmax") & (table.metric == "top1")].value
    cell = row_of(classifiers, "Softmax regression").cells["top1"]
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert cell.raw == pytest.approx(
        {"top1_mean": values.mean(), "top1_ci_low": low, "top1_ci_high": high, "top1_n": 3}
    )


def test_holes_are_never_averaged(classifiers):
    row = row_of(classifiers, "MLP")
    for key in ("top1", "nll_best", "seconds", "peak_memory_mb"):
        assert row.cells[key].sort is None
        assert row.cells[key].raw[f"{key}_mean"] is None
    assert row.cells["top1"].text == "2 of 3 seeds; diverged: s1"
    assert row.cells["ece"].text == "2 of 3"
    assert classifiers.rows[-1] is row


def test_a_single_seeds_accuracy_has_the_interval_of_the_test_set(classifiers):
    wide, softmax = (row_of(classifiers, label) for label in ("LeNet-5 (wide 2)", "Softmax regression"))
    for key in ("top1", "top5", "top1_best"):
        cell = wide.cells[key]
        low, high = (100 * end for end in wilson(round(10 * cell.sort), 1000))
        assert (cell.bounds, cell.interval) == (f"{low:.2f}, {high:.2f}", "")
        assert (cell.raw[f"{key}_test_low"], cell.raw[f"{key}_test_high"]) == pytest.approx((low, high))
        assert cell.raw[f"{key}_test_images"] == 1000 and cell.raw[f"{key}_ci_low"] is None
    assert not wide.cells["nll"].bounds and not wide.cells["ece"].bounds and not wide.cells["seconds"].bounds
    assert not softmax.cells["top1"].bounds and "top1_test_low" not in softmax.cells["top1"].raw


def test_the_interval_of_the_test_set_looks_different_in_every_format(classifiers):
    cell, other = (row_of(classifiers, label).cells["top1"] for label in ("LeNet-5 (wide 2)", "LeNet-5"))
    assert f"{cell.text} [{cell.bounds}]" in formats.markdown(classifiers)
    assert f"{cell.text} [{cell.bounds}]" in formats.latex(classifiers)
    shown = formats.html(classifiers)
    assert f'{cell.text} <span class="interval alone" title="One seed' in shown and f"[{cell.bounds}]</span>" in shown
    assert f'{other.text} <span class="interval">{other.interval}</span>' in shown


def test_accuracies_on_training_images_have_no_interval_of_the_test_set(classifiers):
    group = row_of(classifiers, "LeNet-5").results
    column = Column("top1", "Top-1", metric="top1", split="test")
    assert images_of(group, column) == 1000
    assert images_of(group, replace(column, split="train")) is None


def test_the_table_says_what_few_seeds_cannot_tell(classifiers, tables):
    notes = {note.text for note in classifiers.notes}
    assert FEW_SEEDS[1] in notes and FEW_SEEDS[2] not in notes
    reconstructions = {note.text for note in tables["reconstruction", "mnist5k"].notes}
    assert FEW_SEEDS[2] in reconstructions and FEW_SEEDS[1] not in reconstructions


def test_headline_comes_first_and_best_epochs_last(classifiers):
    keys = [column.key for column in classifiers.columns]
    assert keys[:6] == ["top1", "against_best", "against_best_seeds", "top5", "nll", "ece"]
    assert keys[6:10] == ["top1_best", "top5_best", "nll_best", "ece_best"]


def test_the_scale_is_only_in_columns_with_its_counts_of_images(generators):
    (row,) = generators.scale
    assert row.label == "Noise against test images (1,000 and 1,000)"
    columns = [c for c in generators.columns if c.metric == "fid_indomain"]
    dcgan, wgan = row_of(generators, "DCGAN"), row_of(generators, "WGAN")  # of 1,000 and of 500 samples
    filled = [column.key for column in columns if row.cells[column.key].sort is not None]
    assert filled == [column.key for column in columns if dcgan.cells[column.key].sort is not None]
    assert all(wgan.cells[key].sort is None for key in filled)


def test_passports_never_share_a_column(generators):
    columns = [c for c in generators.columns if c.metric == "fid_indomain"]
    assert len(columns) == len({c.passport for c in columns}) == 2
    dcgan, wgan = row_of(generators, "DCGAN"), row_of(generators, "WGAN")
    for column in columns:
        assert (dcgan.cells[column.key].sort is None) != (wgan.cells[column.key].sort is None)


def test_the_table_says_what_is_indicative_or_unmeasured(generators):
    assert all(c.indicative for c in generators.columns if c.passport)
    assert "FID in-domain ↓ indicative" in formats.markdown(generators)
    assert "fid_inception" not in [column.key for column in generators.columns]
    notes = " ".join(words for _, words in generators.notes)
    assert "FID Inception: not measured." in notes
    assert "could not be had without a network" in notes
    assert "1\u202f000 generated and 1\u202f000 real images are too few" in notes


def test_seeds_of_two_passports_give_no_mean(results):
    loaded = load_results(results, results / "runs.txt")
    group = [result for result in loaded if result.run.model == "dcgan"]
    first, *others = group[2].numbers
    first = replace(first, passport=first.passport | {"samples": 999})
    group[2] = replace(group[2], numbers=[first, *others])
    (row,), columns = (table := comparison_table(group)).rows, table.columns
    texts = [row.cells[c.key].hint for c in columns if c.metric == "fid_indomain"]
    assert texts == ["2 of 3 seeds; not measured: s2", "1 of 3 seeds; not measured: s0, s1"]


def test_a_generator_and_its_discriminator_are_counted_separately(generators):
    cell = row_of(generators, "DCGAN").cells["parameters"]
    assert (cell.text, cell.sort) == ("1.2 M + 600 k", 1_200_000)
    assert cell.raw == {"parameters_generator": 1_200_000, "parameters_discriminator": 600_000}


def test_a_task_of_holes_only_has_a_table(tables):
    table = tables["classification", "polynomials"]
    assert table.headline is None
    assert "no data: s0" in formats.markdown(table)
    assert "no data" in formats.html(table)


def test_csv_keeps_all_digits(results, classifiers):
    rows = list(csv.DictReader(io.StringIO(formats.raw(classifiers))))
    lenet = next(row for row in rows if row["title"] == "LeNet-5")
    assert float(lenet["top1_mean"]) == row_of(classifiers, "LeNet-5").cells["top1"].sort
    assert (lenet["n"], lenet["seeds"], lenet["status"]) == ("3", "3", "ok")
    mlp = next(row for row in rows if row["title"] == "MLP")
    assert (mlp["top1_mean"], mlp["top1_n"], mlp["status"]) == ("", "2", "diverged: s1")


def test_markdown_is_a_table(classifiers):
    lines = [line for line in formats.markdown(classifiers).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(classifiers.rows)


def test_latex_is_escaped_and_balanced(classifiers, generators):
    for table in (classifiers, generators):
        text = formats.latex(table)
        lines = [line.removesuffix("{%") for line in text.splitlines() if not line.startswith(("%", r"\label"))]
        rows = [line for line in lines if line.endswith(r"\\")]
        assert len({line.count(" & ") for line in rows}) == 1
        plain = [line.replace(" & ", " ") if line in rows else line for line in lines]
        assert not [line for line in plain if re.search(r"(?<!\\)[%#&_^]|[±↑↓−–…†\u202f]|(?<!\$)[<>]", line)]
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
        assert text.count(r"\begin{") == text.count(r"\end{") == 2


@pytest.mark.parametrize(("words", "expected"), [
    ("a_b & 5 % #1 {x}", r"a\_b \& 5 \% \#1 \{x\}"),
    (r"\~^$", r"\textbackslash{}\textasciitilde{}\textasciicircum{}\$"),
    ("1 ± 2 ↓", r"1 $\pm$ 2 $\downarrow$"),
    ("< 0.001 †", r"$<$ 0.001 $\dagger$"),
])  # fmt: skip
def test_latex_escaping(words, expected):
    assert formats.escape(words) == expected


def test_all_formats_are_written(results):
    suffixes = {path.suffix for path in (results / "tables").glob("generation-mnist5k.*")}
    assert suffixes == {".csv", ".md", ".tex", ".html", ".json"}


def test_tables_are_read_back_as_they_were_made(results):
    loaded = load_results(results, results / "runs.txt")
    made, read = compare(loaded), read_comparisons(loaded, results / "tables")
    assert {table.name for comparison in read for table in comparison.tables} == {
        path.stem for path in (results / "tables").glob("*-*.json") if not path.stem.endswith("-pairs")
    }
    for one, other in zip(made, read, strict=True):
        for old, new in zip(one.tables, other.tables, strict=True):
            for form in (formats.raw, formats.markdown, formats.latex, formats.html, Table.to_json):
                assert form(old) == form(new)


def test_tables_of_other_runs_are_reported_in_one_sentence(results):
    loaded = load_results(results, results / "runs.txt")
    with pytest.raises(UserError, match="run nets.jobs.compare again"):
        read_comparisons([result for result in loaded if result.run.seed == 0], results / "tables")


def test_rows_are_models_and_variants(results):
    groups = by_model(by_comparison(load_results(results, results / "runs.txt"))["classification", "mnist5k"])
    assert {key: len(seeds) for key, seeds in groups.items()} == {
        ("softmax", ""): 3, ("mlp", ""): 3, ("lenet5", ""): 3, ("lenet5", "wide_2"): 1,
    }  # fmt: skip


def test_only_generators_have_the_scale(generators, classifiers):
    (row,) = generators.scale
    assert row.label == "Noise against test images (1,000 and 1,000)"
    fid = next(column.key for column in generators.columns if column.metric == "fid_indomain")
    assert (row.cells[fid].text, row.cells["parameters"].text) == ("345.68", "–")
    assert not classifiers.scale
    lines = formats.raw(generators).splitlines()
    assert lines[-1].startswith(",,") and "345.678" in lines[-1] and ",scale," in lines[-1]
    assert formats.markdown(generators).index("DCGAN") < formats.markdown(generators).index("Noise against")
    assert "345.68" in formats.latex(generators)
    assert re.search(r'<tbody class="scale">.*345.68.*</tbody>', formats.html(generators), re.DOTALL)


def test_sampling_is_shown_in_the_row_and_separates_no_columns(generators):
    row = row_of(generators, "DCGAN")
    assert row.cells["sampling"].text == "generator, 1 step"
    assert row.cells["sample_macs"].sort == row.cells["macs"].sort
    measured = {"extractor": {"name": "indomain"}, "samples": 10, "sampler": "generator", "steps": 1, "ema": None}
    assert digest(measured) == digest(measured | {"sampler": "ancestral", "steps": 1000})
    assert digest(measured) != digest(measured | {"samples": 11})


def test_figures_name_a_models_settings_only_to_tell_it_from_others(results):
    plain = load_results(results, results / "runs.txt")[0]
    titles = {"FCN-8s (widths [8, 16], 4 epochs)": "", "VAE (20 epochs)": "", "VAE (25 epochs)": "with_classifier"}
    titles |= {"Mine (width 2)": "", "Mine (width 3)": ""}  # two models of one title
    named = [replace(plain, run=replace(plain.run, title=t, variant=variant)) for t, variant in titles.items()]
    table = Table("generation-mnist5k", "MNIST-5k", [], [Row(result.label, [result], {}) for result in named])
    assert table.short_names == {
        "FCN-8s (widths [8, 16], 4 epochs)": "FCN-8s",
        "VAE (20 epochs)": "VAE",
        "VAE (25 epochs; with classifier)": "VAE (with classifier)",
        "Mine (width 2)": "Mine (width 2)",
        "Mine (width 3)": "Mine (width 3)",
    }


def test_a_table_says_that_seeds_draw_the_labels(results):
    found = load_results(results, results / "runs.txt")
    group = by_comparison(found)["classification", "mnist5k"]
    assert not [note for note in comparison_table(group).notes if "have labels" in note.text]
    splits = group[0].run.data["splits"] | {"labelled": 35}
    few = [replace(result, run=replace(result.run, data=result.run.data | {"splits": splits})) for result in group]
    (note,) = [note for note in comparison_table(few).notes if "have labels" in note.text]
    assert note.text.startswith("35 of 3500 training images have labels. Each seed draws others, so an interval")
    assert "Runs with the same seed have the same labels" in note.text


@pytest.mark.parametrize(
    ("metric", "values", "text", "ends"),
    [
        ("top1", [99.0, 99.9, 99.4], "99.43 +0.57 −1.12", (98.31, 100)),
        ("top1", [97.0, 97.1, 97.2], "97.10 ± 0.25", (96.85, 97.35)),
        ("class_tv_indomain", [0.1, 2.0], "1.1 +12.1 −1.1", (0, 13.12)),
        ("mse", [0.00001, 0.001], "0.00051 +0.00629 −0.00051", (0, 0.0068)),
        ("ssim", [0.99, 0.95], "0.9700 +0.0300 −0.2541", (0.7159, 1)),
        ("precision_inception", [0.9, 0.99], "0.945 +0.055 −0.572", (0.373, 1)),
        ("elbo_grey", [-1.0, -20.0], "−10.50 +10.50 −120.71", (-131.21, 0)),
        ("kid_inception", [0.001, 0.0], "0.00050 ± 0.00635", (-0.00585, 0.00685)),  # unbiased: it may be below 0
    ],
)
def test_no_interval_goes_beyond_a_metrics_range(metric, values, text, ends):
    described = glossary.describe(metric)
    column = Column("key", described.label, described.unit, described.direction, described.decimals, metric=metric)
    cell = summary_cell(summarise(dict(enumerate(values)), {}), column)
    assert formats.text(cell) == text
    assert (cell.raw["key_ci_low"], cell.raw["key_ci_high"]) == pytest.approx(ends, abs=0.005)


def test_an_exploded_number_is_short():
    assert glossary.number(1.68563e31, 4) == "1.686e+31" and glossary.number(-999_999.5, 1) == "−999999.5"


def test_the_mse_of_one_seed_has_the_interval_of_its_errors_on_the_test_images(results, tmp_path):
    folder = shutil.copytree(results / "runs/conv_autoencoder-mnist5k-s0", tmp_path / "conv_autoencoder-mnist5k-s0")
    single = load_result(folder)
    (value,) = (number.value for number in single.numbers if number.metric == "mse")
    errors = value * np.random.default_rng(0).gamma(4, 0.25, 1000)
    errors *= value / errors.mean()
    single.__dict__["errors"] = errors
    raw = comparison_table([single]).rows[0].cells["mse"].raw
    low, high = stats.t.interval(0.95, 999, errors.mean(), stats.sem(errors))
    assert (raw["mse_test_low"], raw["mse_test_high"]) == pytest.approx((low, high)) and raw["mse_test_images"] == 1000
    single.__dict__["errors"] = 2 * errors  # not those of this number
    assert "mse_test_low" not in comparison_table([single]).rows[0].cells["mse"].raw
