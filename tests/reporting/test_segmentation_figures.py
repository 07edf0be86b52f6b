"""Pictures of segmentations: the classes' colours, mistakes in red, and a legend that fits."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nets.jobs import compare
from nets.reporting.figures import segmentation
from nets.reporting.results import load_results
from tests.reporting.pages import written

NAMES = ["ground", "cat", "dog"]


def arrays(channels: int = 3, size: tuple[int, int] = (16, 20)) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    truths = random.integers(0, 3, (4, *size), np.uint8)
    truths[:, :3] = 255
    predictions = np.where(random.random(truths.shape) < 0.5, truths, 1).astype(np.uint8)
    images = random.integers(0, 256, (4, channels, *size), np.uint8)
    return {"images": images, "truths": truths, "predictions": predictions}


def test_each_class_has_its_own_colour():
    assert (
        len({tuple(c) for c in segmentation.COLOURS.tolist()} | {segmentation.VOID, segmentation.WRONG})
        == len(segmentation.COLOURS) + 2
    )
    painted = segmentation.colour(np.array([[[0, 1, 2, 255]]], np.uint8), 3)[0, 0]
    np.testing.assert_array_equal(painted, [*segmentation.COLOURS[:3], segmentation.VOID])


def test_mistakes_are_red_and_void_is_not_a_mistake():
    drawn = arrays()
    painted = segmentation.mistakes(*drawn.values(), 3)
    wrong = (drawn["truths"] != drawn["predictions"]) & (drawn["truths"] != 255)
    np.testing.assert_array_equal((painted == segmentation.WRONG).all(-1), wrong)
    assert (painted[:, :3] == segmentation.VOID).all()


@pytest.fixture
def segmented(results):
    """A function that makes a segmentation result from its arrays."""
    template = load_results(results, results / "runs.txt")[0]

    def make(**arrays):
        result = replace(template, run=replace(template.run, data={"classes": NAMES}))
        object.__setattr__(result, "arrays", arrays)
        return result

    return make


def test_rows_of_the_picture(segmented, tmp_path):
    for channels in (1, 3):
        drawn = arrays(channels)
        segmentation.segmentation(segmented(**drawn, class_iou=np.zeros(3)), tmp_path / "a.png")
        pixels = np.asarray(Image.open(tmp_path / "a.png"))
        scale = 128 // 20
        left, row = segmentation.MARGIN, 16 * scale + segmentation.GAP
        truth = pixels[row : row + 16 * scale : scale, left : left + 20 * scale : scale, :3]
        np.testing.assert_array_equal(truth, segmentation.colour(drawn["truths"], 3)[0])


def test_the_legend_takes_the_lines_it_needs():
    places, lines = segmentation.legend_places(["a long name of a class"] * 10, 600)
    assert lines > 2 and max(line for _, line in places) == lines - 1
    assert places[0] == (segmentation.MARGIN, 0) and len(set(places)) == 10


def test_a_class_that_does_not_occur_is_labelled(segmented, tmp_path):
    segmentation.class_iou(segmented(class_iou=np.array([90.0, np.nan, 12.5])), tmp_path / "iou.svg")
    drawn = (tmp_path / "iou.svg").read_text()
    assert "does not occur" in drawn and "12.5" in drawn and "dog" in drawn


@pytest.fixture(scope="module")
def suite(tmp_path_factory, invent):
    """Two seeds of one network and one of another, which never predicts the last class."""
    write_results, spec = invent
    results = tmp_path_factory.mktemp("out") / "results/small"
    (results / "runs").mkdir(parents=True)
    rows = [
        spec("unet", "U-Net", "classification", 50.0, seeds=(0, 1)),
        spec("fcn8s", "FCN", "classification", 40.0, seeds=(0,)),
    ]
    names = write_results(results, rows)
    for name, values in zip(names, ([90, 40, 10], [80, 60, 20], [70, 30, None]), strict=True):
        folder = results / "runs" / name
        config = json.loads((folder / "config.json").read_text())
        config |= {"task": "segmentation", "data": config["data"] | {"classes": NAMES}}
        (folder / "config.json").write_text(json.dumps(config))
        metrics = json.loads((folder / "metrics.json").read_text()) | {"classes": {"class_iou": values}}
        (folder / "metrics.json").write_text(json.dumps(metrics))
    assert compare.main(["--results", str(results), "--runs-from", str(results / "runs.txt")]) == 0
    return results


def test_every_class_has_a_column_of_numbers(suite):
    with open(suite / "tables/segmentation-mnist5k-classes.csv") as file:
        unet, fcn = csv.DictReader(file)
    assert [float(unet[f"iou_{name}_mean"]) for name in NAMES] == [85, 50, 15]
    assert (unet["iou_cat_n"], fcn["iou_cat_mean"], fcn["iou_dog_mean"]) == ("2", "30.0", "")
    assert "85.00" in (suite / "tables/segmentation-mnist5k-classes.md").read_text()


def test_the_page_has_the_classes_too(suite):
    text = (written(suite).with_suffix("") / "segmentation-mnist5k.html").read_text()
    assert "IoU of each class on MNIST, 5,000 digits" in text and text.count("Class by class") == 1
