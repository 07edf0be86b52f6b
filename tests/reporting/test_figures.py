"""Figures: that they are there, hold what they should, and are the same bytes each time."""

import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from nets.reporting.figures import pictures
from nets.reporting.figures.comparisons import draw_comparison
from nets.reporting.figures.run import FIGURES, draw_run
from nets.reporting.page.page import page
from nets.reporting.results import benchmark, load_run, load_runs
from nets.reporting.tables.comparison import comparison

EXPECTED = {
    "lenet5-mnist5k-s0": {"curves.svg", "confusion.svg", "worst.png"},
    "conv_autoencoder-mnist5k-s0": {"curves.svg", "reconstructions.png", "evolution.gif"},
    "dcgan-mnist5k-s0": {"curves.svg", "samples.png", "evolution.gif"},
    "mlp-mnist5k-s1": {"curves.svg"},  # a hole that had begun
    "lenet5-polynomials-s0": set(),  # a hole that had not
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_has_its_figures(results, name):
    folder = results / "runs" / name / "figures"
    assert {path.name for path in folder.iterdir()} == EXPECTED[name] <= set(FIGURES)
    for path in folder.glob("*.svg"):
        ET.parse(path)


@pytest.mark.parametrize("name", ["lenet5-mnist5k-s0", "conv_autoencoder-mnist5k-s0", "dcgan-mnist5k-s0"])
def test_the_same_run_gives_the_same_bytes(results, tmp_path, name):
    shutil.copytree(results / "runs" / name, tmp_path / name)
    for path in draw_run(tmp_path / name):
        assert path.read_bytes() == (results / "runs" / name / "figures" / path.name).read_bytes()


def test_drawing_again_removes_what_is_gone(results, tmp_path):
    shutil.copytree(results / "runs" / "dcgan-mnist5k-s0", tmp_path / "run")
    (tmp_path / "run/arrays.npz").write_bytes(b"")
    draw_run(tmp_path / "run")
    assert not (tmp_path / "run/figures/samples.png").exists()


def test_one_epoch_is_no_curve(results, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(results / "runs" / "conv_autoencoder-mnist5k-s0", folder)
    lines = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join(lines[:2]))
    assert "curves.svg" not in {path.name for path in draw_run(folder)}
    runs = [load_run(folder)]
    assert not [path for path in draw_comparison(comparison(runs), runs, tmp_path) if "learning" in path.name]


def test_comparisons_are_drawn_and_the_same(results, tmp_path):
    names = {path.name for path in (results / "figures").iterdir()}
    kinds = {f"classification-mnist5k-{kind}.svg" for kind in ("learning", "parameters", "macs", "seconds")}
    assert kinds | {"generation-mnist5k-learning.svg"} <= names
    assert not [name for name in names if "polynomials" in name]
    runs = benchmark(load_runs(results, results / "runs.txt"))["classification", "mnist5k"]
    for path in draw_comparison(comparison(runs), runs, tmp_path):
        assert path.read_bytes() == (results / "figures" / path.name).read_bytes()


def test_costs_leave_out_incomplete_models_and_say_so(results):
    text = (results / "figures/classification-mnist5k-parameters.svg").read_text()
    assert "not shown, numbers missing: MLP" in text
    assert "2 of 3 seeds" in (results / "figures/classification-mnist5k-learning.svg").read_text()


def test_grids_enlarge_without_smoothing():
    images = np.array([[[[0, 255], [255, 0]]]], np.uint8).repeat(3, axis=0)
    canvas = pictures.grid(images, columns=2, size=8)
    assert canvas.shape == (2 * 8 + pictures.GAP, 2 * 8 + pictures.GAP, 4)
    assert (canvas[:4, :4, :3] == 0).all() and (canvas[:4, 4:8, :3] == 255).all()
    assert (canvas[8 : 8 + pictures.GAP, :, 3] == 0).all() and (canvas[-8:, -8:, 3] == 0).all()


def test_colours_survive():
    image = np.zeros((1, 3, 4, 4), np.uint8)
    image[:, 1] = 200
    assert (pictures.grid(image, columns=1, size=4)[..., :3] == (0, 200, 0)).all()


def test_animations_show_each_epoch_once(results):
    with Image.open(results / "runs/dcgan-mnist5k-s0/figures/evolution.gif") as film:
        assert film.n_frames == 8
        assert film.info["loop"] == 0
        film.seek(film.n_frames - 1)
        assert film.info["duration"] == 2000


def test_long_trainings_are_thinned(tmp_path):
    images = np.zeros((100, 4, 1, 8, 8), np.uint8)
    images += np.arange(100, dtype=np.uint8)[:, None, None, None, None]
    pictures.evolution(images, np.arange(1, 101), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == pictures.FRAMES


def test_worst_images_carry_three_facts_each_and_stay_within_their_width():
    images = np.full((11, 1, 28, 28), 255, np.uint8)
    canvas = pictures.captioned(images, [["97 % T-shirt/top and more than fits", "is Shirt"]] * 11, columns=8)
    words = canvas[84 : 84 + 2 * pictures.LINE, ..., 3]
    cell = canvas.shape[1] // 8
    assert canvas.shape[0] == 2 * (84 + 2 * pictures.LINE + pictures.GAP)
    assert all(words[:, i * cell : (i + 1) * cell - pictures.GAP].any() for i in range(8))
    assert not any(words[:, (i + 1) * cell - 1].any() for i in range(8))
    assert (canvas[:84, :84] == 255).all()


def test_the_report_shows_the_mistakes_of_the_best_classifier_alone(results):
    text = page(results, results / "runs.txt", results)
    assert text.count('alt="Worst of') == 1
    assert 'alt="Worst of LeNet-5 on mnist5k' in text
