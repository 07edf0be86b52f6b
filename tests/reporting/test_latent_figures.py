"""Pictures of codes, and rate against distortion, are drawn where there is something to draw and reach the page."""

import json
import shutil

import numpy as np
import pytest

from nets.reporting import glossary
from nets.reporting.figures.comparisons import draw_comparison
from nets.reporting.figures.latent_space import FIGURES, draw_latent
from nets.reporting.page.embed import CAPTIONS, comparison_pictures
from nets.reporting.results import benchmark, load_runs
from nets.reporting.tables.comparison import comparison

NAMES = [str(i) for i in range(10)]


@pytest.fixture
def arrays():
    dice = np.random.default_rng(0)
    labels = np.arange(200) % 10
    return {
        "latents": dice.normal(size=(200, 2)).astype(np.float32) + labels[:, None],
        "labels": labels,
        "errors": dice.random(200).astype(np.float32),
        "manifold": dice.integers(0, 256, (225, 1, 28, 28), dtype=np.uint8),
        "interpolations": dice.integers(0, 256, (48, 3, 28, 28), dtype=np.uint8),
    }


def drawn(folder):
    return {path.name for path in folder.iterdir()}


def test_every_figure_is_drawn_and_has_a_caption(arrays, tmp_path):
    draw_latent(arrays, NAMES, tmp_path)
    assert drawn(tmp_path) == set(FIGURES) <= set(CAPTIONS)
    legend = (tmp_path / "latents.svg").read_text()
    assert all(f">{name}</text>" in legend for name in NAMES)


def test_a_larger_code_has_no_map(arrays, tmp_path):
    draw_latent({key: arrays[key] for key in ("labels", "errors", "interpolations")}, NAMES, tmp_path)
    assert drawn(tmp_path) == {"interpolation.png", "error_by_class.svg"}


@pytest.mark.parametrize("names", [None, [str(i) for i in range(100)]])
def test_without_classes_or_with_too_many_of_them_points_have_one_colour(arrays, names, tmp_path):
    labels = arrays["labels"] if names else np.full(200, -1)
    draw_latent(arrays | {"labels": labels}, names, tmp_path)
    assert drawn(tmp_path) == set(FIGURES) - {"error_by_class.svg"}


@pytest.fixture
def with_rates(results, tmp_path):
    """A function from models to the compared reconstruction runs, of which these have a KL and an ELBO."""

    def make(*models):
        folder = shutil.copytree(results, tmp_path / "quick")
        for path in folder.glob("runs/*autoencoder*/metrics.json"):
            metrics = json.loads(path.read_text())
            if path.parent.name.startswith(models):
                for key, value in (("kl", 5.0 + len(path.parent.name)), ("elbo", -160.0)):
                    entry = {"split": "test", "metric": key, "value": value, "direction": "none", "passport": None}
                    metrics["metrics"].append(entry)
            path.write_text(json.dumps(metrics))
        return benchmark(load_runs(folder, folder / "runs.txt"))["reconstruction", "mnist5k"]

    return make


def test_rate_and_distortion_of_vaes_reach_the_page(with_rates, tmp_path):
    runs = with_rates("conv_autoencoder", "linear_autoencoder")
    written = draw_comparison(comparison(runs), runs, tmp_path)
    path = tmp_path / "reconstruction-mnist5k-rate_distortion.svg"
    assert path in written
    assert "Linear autoencoder" in path.read_text()
    shown = comparison_pictures(tmp_path, "reconstruction", "mnist5k")["cost"]
    assert "rate_distortion" in [picture.kind for picture in shown]


def test_one_point_is_no_comparison(with_rates, tmp_path):
    runs = with_rates("conv_autoencoder")
    draw_comparison(comparison(runs), runs, tmp_path)
    assert not list(tmp_path.glob("*rate_distortion*"))


def test_students_are_told_that_a_perfect_bce_is_not_zero():
    assert "even of a perfect reconstruction it is not zero" in glossary.METRICS["bce"].text
