"""Fingerprints of results: equal for equal numbers, different for different ones."""

import json

import pytest

from benchmarks import fingerprints


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "quick/runs/lenet5-mnist5k-s0"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    metrics = [{"split": "test", "metric": "top1", "value": 97.4}, {"split": "test", "metric": "nll", "value": None}]
    (folder / "metrics.json").write_text(json.dumps({"run": folder.name, "metrics": metrics}))
    return tmp_path / "quick"


@pytest.fixture
def listed(results, capsys):
    """The list of the results as they are at first."""
    assert fingerprints.main([str(results)]) == 0
    (results.parent / "before.tsv").write_text(capsys.readouterr().out)
    return results.parent / "before.tsv"


def compared(listed, results, capsys):
    status = fingerprints.main([str(listed), str(results)])
    return status, capsys.readouterr().out.splitlines()


def test_a_list_has_a_line_for_every_run(listed):
    header, line = listed.read_text().splitlines()
    assert header.split("\t") == ["run", "weights", "best_weights", "metrics"]
    run, weights, best, metrics = line.split("\t")
    assert (run, best) == ("lenet5-mnist5k-s0", "-") and len(weights) == len(metrics) == 64


def test_the_order_of_metrics_and_other_keys_do_not_count(listed, results, capsys):
    path = results / "runs/lenet5-mnist5k-s0/metrics.json"
    metrics = json.loads(path.read_text())["metrics"]
    path.write_text(json.dumps({"headline": None, "metrics": [m | {"direction": "higher"} for m in metrics[::-1]]}))
    assert compared(listed, results, capsys) == (0, ["All 1 runs have the same weights and metrics."])


def test_what_differs_is_named(listed, results, capsys):
    folder = results / "runs/lenet5-mnist5k-s0"
    (folder / "metrics.json").write_text((folder / "metrics.json").read_text().replace("97.4", "97.4000000001"))
    assert compared(listed, results, capsys) == (1, ["lenet5-mnist5k-s0: metrics", "1 of 1 runs differ."])
    (folder / "model.safetensors").write_bytes(b"others")
    (folder / "best.safetensors").write_bytes(b"best")
    assert compared(listed, results, capsys)[1][0] == "lenet5-mnist5k-s0: weights, best_weights, metrics"
    folder.rename(folder.parent / "mlp-mnist5k-s0")
    assert compared(listed, results, capsys)[1] == [
        "lenet5-mnist5k-s0: only in the first",
        "mlp-mnist5k-s0: only in the second",
        "2 of 2 runs differ.",
    ]


def test_a_folder_without_runs_is_one_sentence(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SystemExit, match="name a folder such as results/quick"):
            fingerprints.main([str(path)])
