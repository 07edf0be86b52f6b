"""A VAE is compared with autoencoders for its reconstructions, and with generators for its samples."""

import csv
import json

import pytest

from nets.jobs import compare, draw
from nets.reporting.grouping import by_comparison
from nets.reporting.results import load_results
from nets.reporting.tables.comparison import comparison_table
from tests.reporting.pages import written

FILES = ("config", "manifest", "metrics")


@pytest.fixture(scope="module")
def suite(tmp_path_factory, invent):
    """Invented runs of an autoencoder, a VAE and a DCGAN, drawn and compared."""
    write_results, spec = invent
    results = tmp_path_factory.mktemp("out") / "results/small"
    (results / "runs").mkdir(parents=True)
    names = write_results(
        results,
        [
            spec("autoencoder", "Autoencoder", "reconstruction", 0.03, seeds=(0,)),
            spec("vae", "VAE", "reconstruction", 0.04, seeds=(0,), parameters=500_000),
            spec("dcgan", "DCGAN", "adversarial", 21.0, seeds=(0,), parameters=1_200_000),
        ],
    )
    vae, dcgan = (
        {file: json.loads((results / "runs" / name / f"{file}.json").read_text()) for file in FILES}
        for name in names[1:]
    )
    vae["config"]["fidelity"] = {"indomain": "lenet5-mnist5k-extractor-s0"}
    vae["manifest"]["macs"] = {"autoencoder": 900, "decoder": 400}
    vae["metrics"]["metrics"] += dcgan["metrics"]["metrics"]
    for name, content in vae.items():
        (results / "runs" / names[1] / f"{name}.json").write_text(json.dumps(content))
    for name in names:
        assert draw.main(["--run-dir", str(results / "runs" / name)]) == 0
    assert compare.main(["--results", str(results), "--runs-from", str(results / "runs.txt")]) == 0
    return results


def test_the_row_is_in_both_tables(suite):
    rows = {}
    for task in ("generation", "reconstruction"):
        with open(suite / f"tables/{task}-mnist5k.csv") as file:
            rows[task] = {row["model"]: row for row in csv.DictReader(file)}
    assert {"vae", "dcgan"} <= set(rows["generation"]) and "autoencoder" not in rows["generation"]
    assert {"vae", "autoencoder"} <= set(rows["reconstruction"])
    assert not [key for key in rows["generation"]["vae"] if key.startswith("mse")]
    assert any(key.startswith("fid_indomain") and value for key, value in rows["generation"]["vae"].items())
    assert rows["reconstruction"]["vae"]["mse_mean"]
    assert not [key for key in rows["reconstruction"]["vae"] if key.startswith("fid_")]


def test_a_sample_costs_only_the_decoder(suite):
    generators = by_comparison(load_results(suite, suite / "runs.txt"))["generation", "mnist5k"]
    (row,) = [row for row in comparison_table(generators).rows if row.label == "VAE"]
    assert (row.cells["sample_macs"].sort, row.cells["macs"].sort) == (400, 900)


def test_figures_show_each_quality_against_its_own_cost(suite):
    drawn = {path.stem for path in (suite / "figures").iterdir()}
    assert {"reconstruction-mnist5k-macs", "generation-mnist5k-sample_macs"} <= drawn
    assert not {"reconstruction-mnist5k-sample_macs", "generation-mnist5k-macs"} & drawn
    assert "Loss" not in (suite / "figures/generation-mnist5k-learning.svg").read_text(), "its losses are others"


def test_the_page_shows_its_samples_under_generation(suite):
    folder = written(suite).with_suffix("")
    generation, reconstruction = (
        (folder / f"{task}-mnist5k.html").read_text() for task in ("generation", "reconstruction")
    )
    assert ">VAE<" in generation and "Reconstructions of" not in generation
    assert ">VAE<" in reconstruction and reconstruction.count('alt="Reconstructions of VAE') == 1
