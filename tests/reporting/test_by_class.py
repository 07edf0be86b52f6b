"""Metrics by class have a table, and rows of metrics.csv."""

import csv
import json

import pytest

from nets.errors import UserError
from nets.reporting.comparisons import compare
from nets.reporting.results import load_results
from nets.reporting.tables import per_class
from nets.reporting.tables.tidy import tidy
from tests.reporting.pages import report_of


@pytest.fixture(scope="module")
def suite(tmp_path_factory, invent):
    """Two seeds of one classifier and one of another; no test image is of the last class."""
    write_results, spec = invent
    results = tmp_path_factory.mktemp("out") / "results/small"
    (results / "runs").mkdir(parents=True)
    rows = [
        spec("cnn", "CNN", "classification", 90.0, seeds=(0, 1)),
        spec("mlp", "MLP", "classification", 80, seeds=(0,)),
    ]
    for name in write_results(results, rows):
        change(results, name, lambda values: [*values[:-1], None])
    return results


def change(results, name, how):
    path = results / f"runs/{name}/metrics.json"
    content = json.loads(path.read_text())
    content["classes"]["class_recall"] = how(content["classes"]["class_recall"])
    path.write_text(json.dumps(content))


def test_recall_by_class_has_a_table(suite, monkeypatch):
    (comparison,) = compare(load_results(suite, suite / "runs.txt"))
    table = comparison.classes
    assert table in comparison.tables and table.name == "classification-mnist5k-classes"
    assert [column.label for column in table.columns] == [str(n) for n in range(10)]
    cnn, mlp = (row.cells for row in table.rows)
    assert (cnn["recall_0"].sort, cnn["recall_8"].sort, mlp["recall_3"].sort) == (90, 82, 77)
    assert cnn["recall_9"].sort is None and cnn["recall_9"].hint == "This class does not occur."
    # One seed has the interval of the images of this class alone: 100 of the 1,000.
    assert mlp["recall_3"].raw["recall_3_test_images"] == 100 and mlp["recall_3"].bounds == "67.85, 84.16"
    assert not cnn["recall_0"].bounds


def test_of_many_classes_the_hardest_are_shown(suite, monkeypatch):
    monkeypatch.setattr(per_class, "MOST", 3)
    (comparison,) = compare(load_results(suite, suite / "runs.txt"))
    assert [column.label for column in comparison.classes.columns] == ["6", "7", "8"]
    assert comparison.classes.notes[0].text.startswith("Of 10 classes, the 3 with the lowest mean Recall are shown")


def test_metrics_csv_has_every_class(suite):
    table = tidy(load_results(suite, suite / "runs.txt"))
    recall = table[table.metric == "class_recall"]
    assert len(recall) == 3 * 10 and set(recall["class"]) == {str(n) for n in range(10)}
    found = recall[(recall.run == "mlp-mnist5k-s0") & (recall["class"] == "3")]
    assert found[["split", "value", "direction"]].values.tolist() == [["test", 77.0, "higher"]]
    assert table[table.metric == "top1"]["class"].isna().all()


@pytest.mark.parametrize("values", [[1.0, 2.0], ["many"] * 10, 7, [[1]] * 10])
def test_values_that_are_not_by_class_are_refused(results, tmp_path, values):
    folder = tmp_path / "results/quick"
    (folder / "runs").mkdir(parents=True)
    name = "lenet5-mnist5k-s0"
    (folder / "runs" / name).mkdir()
    for file in ("config.json", "manifest.json", "metrics.json", "history.csv", "arrays.npz"):
        (folder / "runs" / name / file).write_bytes((results / "runs" / name / file).read_bytes())
    change(folder, name, lambda _: values)
    (folder / "runs.txt").write_text(f"{name}\n")
    with pytest.raises(UserError, match="results of another version"):
        load_results(folder, folder / "runs.txt")


def test_the_page_shows_recall_by_class(results):
    text = report_of(results)
    assert "Recall of each class on MNIST, 5,000 digits" in text
    with open(results / "tables/classification-mnist5k-classes.csv", newline="") as file:
        assert "recall_0_mean" in next(csv.reader(file))
