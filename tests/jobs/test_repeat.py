"""A finished run is trained once more and tested after every epoch; nothing else changes."""

import json
import shutil

import pytest

from nets.jobs import evaluate, repeat, train
from nets.reporting.results import load_result
from nets.reporting.tables.comparison import comparison_table
from tests.conftest import make_run


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    """The folder of a run of softmax regression, trained for three epochs at a rate at which the last is not best."""
    folder = tmp_path_factory.mktemp("repeat") / "softmax-mnist5k-s0"
    folder.mkdir()
    run = make_run(tmp_path_factory.mktemp("table"), "softmax", "epochs=3 schedule.name=constant optimizer.lr=0.5")
    (folder / "config.json").write_text(run.to_json())
    where = ["--run-dir", str(folder), "--data-dir", str(digits)]
    assert train.main(where) == 0 and evaluate.main(where) == 0
    return folder


def repeated(folder, digits):
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file() and path.name != "made_of.json"}
    assert repeat.main(["--run-dir", str(folder), "--data-dir", str(digits)]) == 0
    assert all(path.read_bytes() == content for path, content in before.items()), "it changes no file of the run"
    return json.loads((folder / "repeated.json").read_text())


def test_a_repetition_ends_with_the_same_weights_and_tests_every_epoch(finished, digits, tmp_path):
    folder = shutil.copytree(finished, tmp_path / finished.name)
    found = repeated(folder, digits)
    assert found["same_weights"] is True and (found["metric"], found["direction"]) == ("top1", "higher")
    assert [epoch["epoch"] for epoch in found["epochs"]] == [1, 2, 3]
    metrics = {m["metric"]: m["value"] for m in json.loads((folder / "metrics.json").read_text())["metrics"]}
    best = json.loads((folder / "manifest.json").read_text())["weights"]["best"]["epoch"]
    by_epoch = {epoch["epoch"]: epoch["test"] for epoch in found["epochs"]}
    assert by_epoch[3] == pytest.approx(metrics["top1"]) and by_epoch[best] == pytest.approx(metrics["top1_best"])
    history = (folder / "history.csv").read_text().splitlines()[1:]
    assert [float(line.split(",")[-1]) for line in history] == [epoch["validation"] for epoch in found["epochs"]]


def test_the_best_epoch_on_test_images_has_a_column_that_says_it_leaks(finished, digits, tmp_path):
    folder = shutil.copytree(finished, tmp_path / finished.name)
    found = repeated(folder, digits)
    result = load_result(folder)
    value = max(epoch["test"] for epoch in found["epochs"])
    assert {number.metric: number.value for number in result.numbers}["top1_leaked"] == value
    table = comparison_table([result])
    labels = [column.label for column in table.columns[:3]]
    assert labels == ["Top-1 chosen on validation", "Top-1 last epoch", "Top-1 best on test (leaks)"]
    cell = table.rows[0].cells["top1_leaked"]
    assert cell.sort == value and not cell.bounds, "the best of many is no random share: it has no interval"
    assert any("chosen by the test images themselves" in note.text for note in table.notes)


def test_other_weights_are_told(finished, digits, tmp_path):
    folder = shutil.copytree(finished, tmp_path / finished.name)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["weights"]["last"] = manifest["weights"]["best"]
    assert manifest["weights"]["best"]["epoch"] != 3
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert repeated(folder, digits)["same_weights"] is False


@pytest.mark.parametrize("change", [{"status": "diverged", "reason": "It blew up."}])
def test_a_hole_has_no_epochs(finished, digits, tmp_path, change):
    folder = shutil.copytree(finished, tmp_path / finished.name)
    manifest = json.loads((folder / "manifest.json").read_text()) | change
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = repeated(folder, digits)
    assert (found["status"], found["epochs"]) == ("diverged", [])
