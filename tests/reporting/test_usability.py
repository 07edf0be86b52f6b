"""Fidelity numbers that don't rank real images above noise, or whose extractor is weak, rank no model anywhere."""

import json

import pytest

from nets.fidelity.passport import weakness
from nets.jobs import collect, compare, draw
from nets.reporting.comparisons import read_comparisons
from nets.reporting.results import load_results
from nets.reporting.tables import formats
from nets.reporting.tables.usability import disorder
from tests.reporting.pages import report_of

REAL, OTHERS, NOISE = (
    "training images against test images", "training images against others of them", "noise against test images"
)  # fmt: skip


@pytest.fixture
def suite(invent, tmp_path):
    """A function from a scale (metrics of real images and of noise) to the tables and the page of two generators."""
    write_results, spec = invent

    def make(real, noise, top1=99.0):
        folder = tmp_path / "results/quick"
        models = [spec("wgan", "WGAN", "adversarial", 31.0), spec("dcgan", "DCGAN", "adversarial", 21.0)]
        for name in write_results(folder, models):
            path = folder / "runs" / name / "metrics.json"
            content = json.loads(path.read_text())
            for number in content["metrics"]:
                if number["passport"]:
                    number["passport"]["extractor"] |= {"top1": top1, "classes": 5}
            path.write_text(json.dumps(content))
            assert draw.main(["--run-dir", str(path.parent)]) == 0
        rows = [
            {"title": title, "samples": 1000, "reference": 1000, "metrics": metrics}
            for title, metrics in ((REAL, real), (OTHERS, real), (NOISE, noise))
        ]
        path = folder / "fidelity/mnist5k-indomain/reference.json"
        path.write_text(json.dumps({"status": "ok", "scale": rows}))
        listed = ["--runs-from", str(folder / "runs.txt")]
        assert collect.main([*listed, "--output", str(folder / "metrics.csv")]) == 0
        assert compare.main(["--results", str(folder), *listed]) == 0
        results = load_results(folder, folder / "runs.txt")
        (comparison,) = read_comparisons(results, folder / "tables")
        figures = {path.stem for path in (folder / "figures").iterdir()}
        return comparison, figures, report_of(folder)

    return make


def best(table, metric):
    (column,) = [column for column in table.columns if column.metric == metric]
    return [row.label for row in table.rows if row.cells[column.key].best], column


ORDERED = {"fid_indomain": 1.0, "kid_indomain": 0.0}, {"fid_indomain": 300.0, "kid_indomain": 0.3}


def test_a_scale_in_order_leaves_all_columns_usable(suite):
    comparison, figures, html = suite(*ORDERED)
    table = comparison.table
    assert [row.label for row in table.rows] == ["DCGAN", "WGAN"]
    assert table.ranked[0].label == "DCGAN"
    assert "generation-mnist5k-sample_macs" in figures
    assert "unusable" not in formats.markdown(table) + formats.html(table) + html


def test_a_metric_that_ranks_noise_above_real_images_is_marked_in_all_formats(suite):
    comparison, figures, html = suite(
        {"fid_indomain": 1.0, "kid_indomain": 0.3}, {"fid_indomain": 300.0, "kid_indomain": 0.1}
    )
    table = comparison.table
    assert [row.label for row in table.rows] == ["DCGAN", "WGAN"]  # FID still ranks
    assert table.ranked[0].label == "DCGAN"
    none, column = best(table, "kid_indomain")
    assert none == []
    reason = "KID in-domain does not rank real images above noise here: noise has 0.10000, real images 0.30000."
    assert column.unusable == reason
    heading = "KID in-domain ↓ indicative unusable"
    assert heading in formats.markdown(table)
    assert formats.escape(heading) in formats.latex(table)
    for text in (formats.html(table), html):
        assert text.count('<em class="indicative">unusable</em>') == 1
    assert ",unusable]_mean" in formats.raw(table).splitlines()[0]
    for form in (formats.markdown, formats.html, formats.latex):
        assert f"Unusable and not ranked: {reason}" in form(table)
    assert f"Unusable and not ranked: {reason}" in html
    assert "generation-mnist5k-sample_macs" in figures


def assert_not_ranked(comparison, figures, html, reason):
    table = comparison.table
    assert [row.label for row in table.rows] == ["WGAN", "DCGAN"]  # the order of the suite
    assert best(table, "fid_indomain")[0] == []
    assert not table.ranked and "aria-sort" not in formats.html(table)
    assert not [name for name in figures if name.endswith(("sample_macs", "parameters", "seconds"))]
    assert "Not ranked" in html
    stability = comparison.stability
    assert [row.label for row in stability.rows] == ["WGAN", "DCGAN"]
    assert not [c for row in stability.rows for c in row.cells.values() if c.best]
    assert stability.notes[0].text == f"FID in-domain, spread, FID in-domain, mean: unusable and not ranked. {reason}"


def test_models_are_not_ranked_by_a_headline_that_is_unusable(suite):
    reason = "FID in-domain does not rank real images above noise here: noise has 30.00, real images 30.00."
    assert_not_ranked(*suite({"fid_indomain": 30.0}, {"fid_indomain": 30.0}), reason)


def test_a_weak_extractor_ranks_nothing(suite):
    comparison, figures, html = suite(*ORDERED, top1=53.6)
    reason = weakness({"network": "LeNet-5 trained on mnist5k", "top1": 53.6, "classes": 5})
    assert "53.6 %" in reason and "must be 60.0 %" in reason
    assert_not_ranked(comparison, figures, html, reason)
    assert best(comparison.table, "kid_indomain")[0] == []


@pytest.mark.parametrize(("classes", "least"), [(2, 75), (5, 60), (10, 55), (100, 50.5)])
def test_an_extractor_avoids_half_the_errors_of_guessing(classes, least):
    extractor = {"network": "LeNet-5", "classes": classes}
    assert weakness(extractor | {"top1": least - 0.1}) and not weakness(extractor | {"top1": least})
    assert not weakness({"name": "inception"})


@pytest.mark.parametrize(("metric", "real", "others", "noise", "usable"), [
    ("precision_indomain", 0.956, 0.95, 0.998, False),  # polynomials
    ("precision_indomain", 0.91, 0.89, 0.18, True),
    ("precision_indomain", 0.91, 0.50, 0.60, False),  # one of the two rows
    ("fid_indomain", 0.1, 0.2, 114.0, True),
    ("fid_indomain", 0.1, 0.2, 0.15, False),
    ("recall_indomain", 0.9, 0.9, 0.9, False),
])  # fmt: skip
def test_noise_must_be_worse_than_all_real_images(metric, real, others, noise, usable):
    rows = [{"title": t, "metrics": {metric: v}} for t, v in ((REAL, real), (OTHERS, others), (NOISE, noise))]
    assert (disorder(metric, rows) == "") == usable
    assert disorder(metric, rows[:2]) == disorder(metric, rows[2:]) == ""  # nothing to compare
    assert disorder("copies_indomain", rows) == ""
