"""Names are keys without losses; what was found in data is said beside numbers."""

import csv
import json

import pytest

from nets.jobs import compare
from nets.reporting.comparisons import read_comparisons
from nets.reporting.figures.of_comparisons import draw_comparison
from nets.reporting.page.background import findings
from nets.reporting.results import load_results
from tests.reporting.pages import written

NAMES = ["traffic light", "traffic_light", "traffic-light", "iou_n", "traffic light_mean", "a\tb,c", "<b>"]
IOUS = [[90, 10, 20, 30, 40, 50, 60], [80, 20, 30, 40, 50, 60, 70]]
NOTE = "3 of the 1,000 test images are also training images."


@pytest.fixture(scope="module")
def suite(tmp_path_factory, invent):
    """Two networks with one title, whose classes have similar names; something was found in their data."""
    write_results, spec = invent
    results = tmp_path_factory.mktemp("out") / "results/small"
    (results / "runs").mkdir(parents=True)
    rows = [spec(model, "My net", "classification", 50.0, seeds=(0,)) for model in ("mine", "mine2")]
    for name, values in zip(write_results(results, rows), IOUS, strict=True):
        folder = results / "runs" / name
        changed = {"config": {"task": "segmentation"}, "manifest": {"data": {"notes": [NOTE]}}}
        for file, changes in (changed | {"metrics": {"classes": {"class_iou": values}}}).items():
            content = json.loads((folder / f"{file}.json").read_text()) | changes
            if file == "config":
                content["data"]["classes"] = NAMES
            (folder / f"{file}.json").write_text(json.dumps(content))
    assert compare.main(["--results", str(results), "--runs-from", str(results / "runs.txt")]) == 0
    return results


def test_classes_with_similar_names_have_their_own_numbers(suite):
    with open(suite / "tables/segmentation-mnist5k-classes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted([float(row[f"iou_{name}_mean"]) for name in NAMES] for row in rows) == sorted(map(list, IOUS[::-1]))
    table = json.loads((suite / "tables/segmentation-mnist5k-classes.json").read_text())
    assert [column["label"] for column in table["columns"]] == NAMES
    for row, values in zip(table["rows"], IOUS, strict=True):
        assert [row["cells"][column["key"]]["sort"] for column in table["columns"]] == values


def test_columns_of_the_csv_are_in_the_tables_order(suite):
    with open(suite / "tables/segmentation-mnist5k-classes.csv", newline="") as file:
        head = next(csv.reader(file))
    assert [name for name in head if name.endswith("_mean")] == [f"iou_{name}_mean" for name in NAMES]


def test_two_models_of_one_title_are_two_rows_and_two_curves(suite, tmp_path):
    results = load_results(suite, suite / "runs.txt")
    (comparison,) = read_comparisons(results, suite / "tables")
    labels = [row.label for row in comparison.table.rows]
    assert set(labels) == {"My net [mine]", "My net [mine2]"}
    assert len(set(comparison.table.short_names.values())) == 2
    (drawn,) = [path for path in draw_comparison(comparison, tmp_path) if path.name.endswith("-learning.svg")]
    assert all(label in drawn.read_text() for label in labels)


def test_notes_on_the_data_are_under_the_table_and_on_the_page(suite):
    for suffix in ("md", "html", "tex"):
        assert NOTE in (suite / f"tables/segmentation-mnist5k.{suffix}").read_text()
    (suite.parent / "data/mnist5k").mkdir(parents=True, exist_ok=True)
    look = {"notes": [NOTE], "distinct": {}, "shared": {}, "in_two_classes": 0}
    passed = [{"why": "hidden", "folder": "cat", "files": 1200, "example": ".DS_Store"}]
    source = {"kind": "image_folder", "location": "pets", "canonical": False, "sha256": {}, "passed_by": passed}
    source["changed"] = {"transparency laid on white": 120}
    info = {"look": look, "source": source, "classes": ["cat", "dog"], "class_counts": {"train": [190, 10]}}
    info |= {"class_pixels": {"train": None}}
    assert findings(info) == {
        "class shares": "5.0 % (dog) to 95.0 % (cat) of the training images",
        "look at the data": NOTE,
        "changed on reading": "transparency laid on white in 120 files",
        "files skipped": "1,200 in cat, hidden, such as .DS_Store",
    }
    (suite.parent / "data/mnist5k/dataset.json").write_text(json.dumps(info))
    folder = written(suite).with_suffix("")
    assert f"About the data: {NOTE}" in (folder / "segmentation-mnist5k.html").read_text()
    data = (folder / "data.html").read_text()
    assert all(text in data for text in findings(info).values())
