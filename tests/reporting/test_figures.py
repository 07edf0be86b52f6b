"""Figures exist, show what they should, and have the same bytes each time."""

import importlib
import pkgutil
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.transforms import Bbox
from PIL import Image

from nets.errors import UserError
from nets.reporting import figures
from nets.reporting.comparisons import compare
from nets.reporting.figures import evolution, labels, of_comparisons, of_runs, pictures
from nets.reporting.figures.figure import TYPES, ComparisonFigure, Figure, RunFigure, has
from nets.reporting.figures.of_comparisons import draw_comparison
from nets.reporting.figures.of_runs import FIGURES, draw_run
from nets.reporting.results import load_result, load_results
from nets.suite.catalogues import ROOT
from tests.reporting.pages import report_of, written

EXPECTED = {
    "lenet5-mnist5k-s0": {"curves.svg", "confusion.svg", "worst.png"},
    "conv_autoencoder-mnist5k-s0": {"curves.svg", "reconstructions.png", "evolution.gif"},
    "dcgan-mnist5k-s0": {"curves.svg", "samples.png", "evolution.gif"},
    "mlp-mnist5k-s1": {"curves.svg"},  # a hole that began training
    "lenet5-polynomials-s0": set(),  # a hole that did not
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_has_its_figures(results, name):
    folder = results / "runs" / name / "figures"
    assert {path.name for path in folder.iterdir()} == EXPECTED[name]
    for path in folder.glob("*.svg"):
        ET.parse(path)


@pytest.mark.parametrize("name", ["lenet5-mnist5k-s0", "conv_autoencoder-mnist5k-s0", "dcgan-mnist5k-s0"])
def test_the_same_run_gives_the_same_bytes(results, tmp_path, name):
    shutil.copytree(results / "runs" / name, tmp_path / name)
    for path in draw_run(tmp_path / name):
        assert path.read_bytes() == (results / "runs" / name / "figures" / path.name).read_bytes()


def test_drawing_again_removes_old_figures(results, tmp_path):
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
    (comparison,) = compare([load_result(folder)])
    assert not [path for path in draw_comparison(comparison, tmp_path) if "learning" in path.name]


def test_comparisons_are_drawn_and_the_same(results, tmp_path):
    names = {path.name for path in (results / "figures").iterdir()}
    kinds = {f"classification-mnist5k-{kind}.svg" for kind in ("learning", "parameters", "macs", "seconds")}
    assert kinds | {"generation-mnist5k-learning.svg"} <= names
    assert not [name for name in names if "polynomials" in name]
    drawn = [path for each in compare(load_results(results, results / "runs.txt"))
             for path in draw_comparison(each, tmp_path)]  # fmt: skip
    assert {path.name for path in drawn} == {name for name in names if name.endswith(".svg")}
    assert {path.with_suffix(".png").name for path in drawn} == {name for name in names if name.endswith(".png")}
    for path in drawn:
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
    evolution.animate(images, np.arange(1, 101), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == evolution.FRAMES


def test_captions_of_worst_images_stay_within_their_width():
    images = np.full((11, 1, 28, 28), 255, np.uint8)
    canvas = pictures.captioned(images, [["97 % T-shirt/top and more than fits", "is Shirt"]] * 11, columns=8)
    words = canvas[84 : 84 + 2 * pictures.LINE, ..., 3]
    cell = canvas.shape[1] // 8
    assert canvas.shape[0] == 2 * (84 + 2 * pictures.LINE + pictures.GAP)
    assert all(words[:, i * cell : (i + 1) * cell - pictures.GAP].any() for i in range(8))
    assert not any(words[:, (i + 1) * cell - 1].any() for i in range(8))
    assert (canvas[:84, :84] == 255).all()


def test_the_report_shows_mistakes_of_one_seed_of_each_classifier(results):
    folder = written(results).with_suffix("")
    for seed, count in ((0, 1), (1, 0)):
        text = (folder / f"run-lenet5-mnist5k-s{seed}.html").read_text()
        assert text.count('alt="Worst of LeNet-5 on mnist5k') == count


def dot(subject, path):
    """Draw next to nothing."""
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")


@pytest.mark.parametrize("kind", [RunFigure, ComparisonFigure])
def test_a_figure_needs_a_caption(kind):
    with pytest.raises(TypeError, match="caption"):
        kind(file="dot.svg", when=bool, draw=dot)
    with pytest.raises(UserError, match="The figure dot.svg has no caption; write what it shows in its entry."):
        Figure("dot.svg", bool, dot, " ")


def test_a_figure_of_an_unknown_type_is_reported_in_one_sentence():
    with pytest.raises(UserError, match="The figure dot.bmp must be one of .svg, .png, .gif; rename its file."):
        Figure("dot.bmp", bool, dot, "A dot.")


def test_a_figure_in_an_unknown_section_is_reported_in_one_sentence():
    with pytest.raises(UserError, match="The figure dot.svg must be in one of learning, stability, cost"):
        ComparisonFigure("dot.svg", bool, dot, "A dot.", section="dots", title="Dots")


def test_every_entry_is_listed():
    entries = set()
    for module in pkgutil.iter_modules(figures.__path__, f"{figures.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            values = value if isinstance(value, tuple) else (value,)
            entries |= {each for each in values if isinstance(each, Figure)}
    missing = entries - {*of_runs.FIGURES, *of_comparisons.FIGURES}
    assert not missing, f"of_runs.py or of_comparisons.py lacks {', '.join(figure.file for figure in missing)}."


def test_one_entry_draws_a_figure_and_shows_it_with_its_caption(results, tmp_path, monkeypatch):
    folder = shutil.copytree(results, tmp_path / "quick")
    added = RunFigure("dot.svg", has("confusion"), dot, "A dot of one entry.")
    monkeypatch.setattr(of_runs, "FIGURES", (*FIGURES, added))
    compared = ComparisonFigure(
        "{task}-{dataset}-dot.svg", lambda comparison: comparison.table.name == "classification-mnist5k", dot,
        "A dot of all models.", section="cost", title="Dots of {task} on {dataset}",
    )  # fmt: skip
    monkeypatch.setattr(of_comparisons, "FIGURES", (*of_comparisons.FIGURES, compared))
    drawn = [path.parts[-3] for run in (folder / "runs").iterdir() for path in draw_run(run) if path.name == "dot.svg"]
    assert "lenet5-mnist5k-s0" in drawn and "dcgan-mnist5k-s0" not in drawn
    for comparison in compare(load_results(folder, folder / "runs.txt")):
        draw_comparison(comparison, folder / "figures")
    text = report_of(folder)
    # On pages of runs: softmax regression, MLP, two LeNet-5, the extractor; and of models, but for the extractor.
    assert text.count("A dot of one entry.") == 5 + 4
    assert text.count("A dot of all models.") == text.count('alt="Dots of classification on mnist5k"') == 1


def test_snakemake_shows_every_type_of_figure():
    rules = (ROOT / "workflow/rules/compare.smk").read_text()
    types = [set(re.findall(r"\{figure\}(\.\w+)", line)) for line in rules.splitlines() if "{figure}." in line]
    assert types == [set(TYPES), {Path(figure.file).suffix for figure in of_comparisons.FIGURES}]


def test_what_a_label_would_hide_is_added_up_box_by_box():
    """To the bit, so that labels stay where they are."""
    corners = np.random.default_rng(0).uniform(0, 100, (60, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    places, taken = boxes[:20], boxes[20:]
    expected = [sum(labels.overlap(Bbox.from_extents(*a), Bbox.from_extents(*b)) for b in taken) for a in places]
    assert labels.covered(places, taken).tolist() == expected
