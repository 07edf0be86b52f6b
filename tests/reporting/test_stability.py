"""Stability: spreads around a trend in the last half of training, as a table and a figure."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from nets.reporting.comparisons import compare
from nets.reporting.figures.curves import panels
from nets.reporting.figures.learning import model_curve, watched
from nets.reporting.figures.style import drawing
from nets.reporting.grouping import by_comparison
from nets.reporting.results import load_results
from nets.reporting.tables.stability import TEXT, level, spread, stability_table
from tests.reporting.pages import report_of


@pytest.fixture
def run(results, tmp_path):
    """A function that makes a result from the columns of its history."""
    template = load_results(results, results / "runs.txt")[0]

    def make(**columns):
        with open(tmp_path / "history.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(name.replace("__", "/") for name in columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return replace(template, folder=tmp_path)

    return make


EPOCHS = np.arange(1, 41)


def test_the_spread_of_a_metric_is_around_its_trend_and_in_the_last_half(run):
    dice = np.random.default_rng(0)
    noise = dice.normal(0, 0.5, 40)
    values = np.where(EPOCHS <= 20, 1000 * dice.random(40), 30 - 0.7 * EPOCHS + noise)
    result = run(epoch=EPOCHS, validation__fid_indomain=["" if e % 2 else values[e - 1] for e in EPOCHS])
    assert spread(result, "validation/fid_indomain") == pytest.approx(0.5, rel=0.5)
    chosen = (EPOCHS > 20) & (EPOCHS % 2 == 0)
    assert level(result, "validation/fid_indomain") == pytest.approx(values[chosen].mean())
    assert spread(run(epoch=[1, 2, 3], validation__fid_indomain=["", 3, 4]), "validation/fid_indomain") is None


def test_the_spread_of_a_loss_is_that_of_all_its_steps(run):
    steps = np.random.default_rng(1).normal(2, 0.3, (40, 200)) + np.random.default_rng(2).normal(0, 0.4, (40, 1))
    result = run(epoch=EPOCHS, train__generator=steps.mean(axis=1), train__generator_std=steps.std(axis=1))
    assert spread(result, "train/generator") == pytest.approx(steps[20:].std(), rel=0.1)
    drifting = run(epoch=EPOCHS, train__generator=3.0 * EPOCHS, train__generator_std=np.full(40, 0.3))
    assert spread(drifting, "train/generator") == pytest.approx(0.3)


def test_the_suite_has_a_table_a_figure_and_a_section(results):
    groups = by_comparison(load_results(results, results / "runs.txt"))
    table = stability_table(groups["generation", "mnist5k"])
    assert [row.label for row in table.rows] == ["DCGAN", "WGAN"]
    assert [column.label for column in table.columns] == [
        *("FID in-domain, spread", "FID in-domain, mean", "Discriminator loss, spread", "Generator loss, spread")
    ]
    cell = table.rows[0].cells["train/generator_spread"]
    values = [spread(result, "train/generator") for result in table.rows[0].results]
    assert cell.sort == pytest.approx(np.mean(values)) and cell.interval and not cell.best
    assert not any(cell.best for row in table.rows for cell in row.cells.values())  # spreads are not tested
    names = {path.name for path in (results / "tables").iterdir()}
    assert {f"stability-mnist5k.{kind}" for kind in ("csv", "md", "tex", "html", "json")} <= names
    assert "Generator loss" in (results / "figures/stability-mnist5k.svg").read_text()
    text = report_of(results)
    assert text.count(TEXT) == 1 and 'data-table="stability-mnist5k"' in text
    assert stability_table(groups["classification", "polynomials"]) is None


def test_deviations_are_no_curves_and_sparse_metrics_have_markers(results):
    comparisons = compare(load_results(results, results / "runs.txt"))
    (generators,) = [comparison for comparison in comparisons if comparison.task == "generation"]
    group = generators.results[:3]
    assert dict(panels(group[0])) == {
        "Loss": ["train/discriminator", "train/generator"],
        "FID in-domain": ["validation/fid_indomain"],
    }
    assert watched(generators) == ["validation/fid_indomain"]
    with drawing(results / "unused.svg", 3, 2) as (axis,):
        line, _, late = model_curve(axis, group, "validation/fid_indomain", 0, "x")
        assert list(line.get_xdata()) == list(range(2, 21, 2)) and line.get_marker() == "o"
        assert np.isfinite(line.get_ydata()).all() and np.isfinite(late).all()
        whole, *_ = model_curve(axis, group, "train/generator", 0, "x")
        assert len(whole.get_xdata()) == 20 and whole.get_marker() == "None"
    (results / "unused.svg").unlink()
