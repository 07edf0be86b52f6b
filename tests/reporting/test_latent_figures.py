"""Pictures of codes, and distortion against rate, are drawn if there is data, and reach the page."""

import json
import shutil

import numpy as np
import pytest

from nets.reporting import glossary
from nets.reporting.comparisons import compare
from nets.reporting.figures.latent_space import FIGURES
from nets.reporting.figures.of_comparisons import draw_comparison
from nets.reporting.figures.of_runs import draw_run
from nets.reporting.results import load_results
from tests.reporting.pages import written

NAMES = [str(i) for i in range(10)]
OF_CODES = {figure.file for figure in FIGURES} - {"reconstructions.png"}


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


@pytest.fixture
def drawn(results, tmp_path):
    """A function that draws an autoencoder's figures of codes from arrays and classes; returns paths by name."""

    def draw(arrays, classes=NAMES):
        folder = shutil.copytree(results / "runs/conv_autoencoder-mnist5k-s0", tmp_path / "run")
        config = json.loads((folder / "config.json").read_text())
        config["data"]["classes"] = classes
        (folder / "config.json").write_text(json.dumps(config))
        np.savez(folder / "arrays.npz", **arrays)
        return {path.name: path for path in draw_run(folder) if path.name in OF_CODES}

    return draw


def test_every_figure_is_drawn(arrays, drawn):
    paths = drawn(arrays)
    assert set(paths) == OF_CODES
    legend = paths["latents.svg"].read_text()
    assert all(f">{name}</text>" in legend for name in NAMES)


def test_a_larger_code_has_no_map(arrays, drawn):
    paths = drawn({key: arrays[key] for key in ("labels", "errors", "interpolations")})
    assert set(paths) == {"interpolation.png", "error_by_class.svg"}


@pytest.mark.parametrize("classes", [None, [str(i) for i in range(100)]])
def test_points_have_one_colour_if_there_are_no_classes_or_too_many(arrays, classes, drawn):
    labels = arrays["labels"] if classes else np.full(200, -1)
    assert set(drawn(arrays | {"labels": labels}, classes)) == OF_CODES - {"error_by_class.svg"}


@pytest.fixture
def with_rates(results, tmp_path):
    """A function that compares the autoencoders after giving these models a KL and an ELBO."""

    def make(*models):
        folder = shutil.copytree(results, tmp_path / "quick")
        for path in folder.glob("runs/*autoencoder*/metrics.json"):
            metrics = json.loads(path.read_text())
            if path.parent.name.startswith(models):
                for key, value in (("kl", 5.0 + len(path.parent.name)), ("elbo_grey", -160.0)):
                    entry = {"split": "test", "metric": key, "value": value, "direction": "none", "passport": None}
                    metrics["metrics"].append(entry)
            path.write_text(json.dumps(metrics))
        comparisons = compare(load_results(folder, folder / "runs.txt"))
        return next(comparison for comparison in comparisons if comparison.task == "reconstruction")

    return make


def test_rate_and_distortion_of_vaes_reach_the_page(with_rates, tmp_path):
    comparison = with_rates("conv_autoencoder", "linear_autoencoder")
    folder = tmp_path / "quick"
    path = folder / "figures/reconstruction-mnist5k-rate_distortion.svg"
    assert path in draw_comparison(comparison, folder / "figures")
    assert "Linear autoencoder" in path.read_text()
    page = (written(folder).with_suffix("") / "reconstruction-mnist5k.html").read_text()
    assert 'alt="Distortion against rate of reconstruction on mnist5k"' in page[page.index("Quality and cost") :]


def test_one_point_is_no_comparison(with_rates, tmp_path):
    draw_comparison(with_rates("conv_autoencoder"), tmp_path)
    assert not list(tmp_path.glob("*rate_distortion*"))


def test_the_glossary_says_that_a_perfect_bce_is_not_zero():
    assert "even for a perfect reconstruction it is not zero" in glossary.METRICS["bce"].text
