"""A metric is one entry of a table, which is enough to measure, write and explain it."""

import dataclasses
import math

import pytest
import torch

from nets.data.batches import Batches, PixelRange
from nets.errors import UserError
from nets.metrics import classes, classification, distances, neighbours, reconstruction
from nets.metrics.measurement import Measurement
from nets.metrics.metric import AMOUNTS, POINTS, Accuracy, Metric, Table, Unmeasured, all_metrics, tables
from nets.reporting import glossary
from nets.tasks.classification import Classification


def brier(logits, labels):
    """Mean squared distance of probabilities from the truth."""
    return (logits.softmax(1) - torch.eye(logits.shape[1])[labels]).square().sum(1).mean().item()


BRIER = Metric("Brier score", "", 4, "lower", "Squared distance of the probabilities from the truth.", brier)


def test_a_new_entry_is_measured_and_written_last(run_of, few_digits, monkeypatch):
    run, pixels = run_of("lenet5"), PixelRange((0.1,), (0.3,))
    task = Classification(run, pixels, torch.device("cpu"))
    data = Batches(few_digits("validation", 32), pixels, torch.device("cpu"))
    monkeypatch.setitem(classification.METRICS, "brier", BRIER)
    metrics = task.evaluate(data).metrics
    assert list(metrics) == ["top1", "top5", "balanced", "nll", "ece", "brier"]
    written = Measurement("brier_best", metrics["brier"]).to_json()
    assert 0 < written["value"] < 2
    assert written["direction"] == "lower"


def test_a_new_entry_has_its_words_in_the_report_and_its_column_behind_the_known_ones(monkeypatch):
    monkeypatch.setitem(classification.METRICS, "brier", BRIER)
    monkeypatch.setattr(glossary, "METRICS", all_metrics())
    assert glossary.describe("brier_best").label == "Brier score chosen on validation"
    assert glossary.order("ece") < glossary.order("brier") < glossary.order("unknown")
    assert glossary.order("top1_best") == glossary.order("top1")


def test_a_metric_without_an_entry_is_named():
    with pytest.raises(UserError, match=r"^The metric 'brier_best' is in no table of nets/metrics/; add its entry"):
        Measurement("brier_best", 0.5)


@pytest.mark.parametrize(
    "field", [field.name for field in dataclasses.fields(Metric) if field.default is dataclasses.MISSING]
)
def test_an_entry_is_complete(field):
    parts = vars(BRIER).copy()
    del parts[field]
    with pytest.raises(TypeError, match=field):
        Metric(**parts)


def test_a_metric_whose_needs_are_not_met_says_so_and_takes_no_other_with_it():
    images = torch.rand(4, 1, 8, 8)
    values = reconstruction.METRICS.measure(images, images / 2)
    assert values["ssim"] == Unmeasured("It needs images of at least 11x11 pixels, and these have 8x8.")
    assert values["mse"].shape == (4,)
    written = Measurement("ssim", values["ssim"]).to_json()
    assert written["value"] is None and written["reason"] == values["ssim"].reason
    assert reconstruction.METRICS.measure(*torch.rand(2, 4, 1, 11, 11))["ssim"].shape == (4,)


@pytest.mark.parametrize("table", [distances.METRICS, neighbours.METRICS])
def test_metrics_of_sets_need_enough_images(table):
    for name, metric in table.items():
        few = next(n for n in range(20) if not isinstance(metric.measure(*torch.rand(2, n, 3)), Unmeasured))
        assert math.isfinite(metric.measure(*torch.rand(2, few, 3))), name
        assert metric.measure(torch.rand(few - 1, 3), torch.rand(50, 3)).reason == (
            f"It needs at least {few} images, and there are {few - 1}."
        )
    assert isinstance(classes.SCORES["is"].measure(torch.rand(9, 10)), Unmeasured)


def test_a_function_that_fails_costs_its_own_number_alone(capsys):
    def broken(*_):
        raise ValueError("no such thing\nand more")

    table = Table({"brier": dataclasses.replace(BRIER, function=broken), "nll": classification.METRICS["nll"]})
    values = table.measure(torch.rand(4, 3), torch.tensor([0, 1, 2, 0]))
    assert values["brier"] == Unmeasured("Its computation failed (ValueError: no such thing).")
    assert values["nll"] > 0
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError(), OSError(5, "Input/output error")])
def test_what_is_the_machines_fault_is_no_property_of_a_metric(error):
    def broken(*_):
        raise error

    with pytest.raises(type(error)):
        dataclasses.replace(BRIER, function=broken).measure()


def test_each_name_stands_in_one_table_and_each_entry_says_something():
    assert len(all_metrics()) == sum(map(len, tables()))
    for name, metric in all_metrics().items():
        assert metric.label and metric.text.endswith((".", "?")), name
        assert metric.direction in glossary.ARROWS, name


def test_the_order_of_columns_names_metrics_that_exist():
    assert set(glossary.ORDER) <= set(all_metrics())


def test_accuracies_are_known_as_such_with_and_without_qualifiers():
    names = {name for name in all_metrics() if isinstance(glossary.describe(f"{name}_best"), Accuracy)}
    assert names == {"top1", "top5", "top1_sampled", "probe_top1", "knn_top1", "class_recall"}


def test_every_metric_says_how_far_two_measurements_may_be_apart_and_why():
    for name, metric in all_metrics().items():
        allowed = metric.allowed
        assert 0 <= allowed.evaluated < allowed.trained, name
        assert allowed.reason.endswith("."), name
    assert all_metrics()["miou"].allowed is POINTS and all_metrics()["mse"].allowed is AMOUNTS


@pytest.mark.parametrize(
    ("metric", "first", "second", "evaluated", "trained"),
    [
        ("top1", 94.9, 94.8, True, True),
        ("top1", 94.9, 93.9, False, True),  # 94.9 - 93.9 is a little more than 1 in binary
        ("top1", 94.9, 92.3, False, False),
        ("fid", 62.5, 39.1, False, False),
        ("fid", 62.5, 62.45, True, True),
        ("mse", 0.0400, 0.0391, False, True),
        ("mse", 0.0400, 0.04000001, True, True),
        ("active_units", 3, 3, True, True),
        ("active_units", 3, 4, False, True),
    ],
)
def test_tolerances(metric, first, second, evaluated, trained):
    allows = all_metrics()[metric].allowed.allows
    assert [allows(a, b, False) for a, b in ((first, second), (second, first))] == [evaluated] * 2
    assert [allows(a, b, True) for a, b in ((first, second), (second, first))] == [trained] * 2
