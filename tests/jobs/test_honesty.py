"""Why the numbers can be trusted: training never opens test data, and measuring twice gives the same bits."""

import ast
import json
import shutil

import pytest

from nets.jobs import evaluate, train
from nets.suite.catalogues import ROOT


@pytest.fixture
def trained(run_of, digits, tmp_path):
    """A function that measures a tiny VAE, which was trained without access to test data."""
    folder = tmp_path / "run"
    folder.mkdir()
    run = run_of("vae", "epochs=1 model.widths=[16] options.samples=200")
    (folder / "config.json").write_text(run.to_json())
    blind = shutil.copytree(digits, tmp_path / "blind", ignore=shutil.ignore_patterns("test*"))
    assert train.main(["--run-dir", str(folder), "--data-dir", str(blind)]) == 0
    assert json.loads((folder / "manifest.json").read_text())["status"] == "ok"

    def measured() -> bytes:
        assert evaluate.main(["--run-dir", str(folder), "--data-dir", str(digits)]) == 0
        return (folder / "metrics.json").read_bytes()

    return measured


def test_measured_twice_the_same_bits(trained):
    first = trained()
    assert {"mse", "ssim", "elbo_grey", "knn_top1"} <= {metric["metric"] for metric in json.loads(first)["metrics"]}
    assert trained() == first


def test_only_three_jobs_open_test_data():
    """`repeated.py` shows what choosing by test images would do; the weights of what it trains are thrown away."""
    opens = set()
    for path in (ROOT / "nets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("open_split", "images_of"):
                opens |= {path.name for word in node.args if getattr(word, "value", None) == "test"}
    assert opens == {"evaluation.py", "reference.py", "repeated.py"}
