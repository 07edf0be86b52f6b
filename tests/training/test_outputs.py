"""The files of weights that a manifest names are in the run's folder, and are what is loaded."""

import json

import pytest
import torch
from torch import nn

from nets.errors import DataError, UserError
from nets.fidelity.extractors import load_indomain
from nets.training import outputs
from nets.training.outputs import SavedWeights, load_weights, write_weights
from nets.training.pretrained import find_start


@pytest.fixture
def saved(tmp_path):
    """Weights in the folder of a run, and the same beside it."""
    weights = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    write_weights(tmp_path / "weights.safetensors", weights)
    return write_weights(tmp_path / "run/model.safetensors", weights)


@pytest.mark.parametrize("file", ["../weights.safetensors", "/weights.safetensors"])
def test_a_manifest_names_no_file_elsewhere(saved, tmp_path, run_of, few, file):
    file = file if file.startswith("..") else str(tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="leads out of"):
        load_weights(nn.Linear(3, 2), tmp_path / "run", SavedWeights(file, saved.sha256, 0))
    entry = {"file": file, "sha256": saved.sha256}
    note = tmp_path / "run/manifest.json"
    note.write_text(json.dumps({"status": "ok", "weights": {"last": entry, "best": entry}}))
    run = run_of("lenet5")
    (tmp_path / "run/config.json").write_text(run.to_json())
    object.__setattr__(run, "pretrained", {"name": "other"})
    with pytest.raises(UserError, match="leads out of"):
        find_start(run, [note])
    with pytest.raises(UserError, match="leads out of"):
        load_indomain(tmp_path / "run", few, torch.device("cpu"))


def test_what_is_verified_is_what_is_loaded(saved, tmp_path, monkeypatch):
    network, verify = nn.Linear(3, 2), outputs.read_verified

    def replace_then_verify(path, *arguments):
        content = verify(path, *arguments)
        path.write_bytes(b"other")
        return content

    monkeypatch.setattr(outputs, "read_verified", replace_then_verify)
    load_weights(network, tmp_path / "run", saved)
    assert network.weight.eq(1).all()
    with pytest.raises(DataError, match="model.safetensors is damaged"):
        load_weights(network, tmp_path / "run", saved)
