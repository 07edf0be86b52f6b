"""Trained networks as ONNX: onnxruntime answers as `nets.load` does, for each kind of task and any number of images."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import nets
from nets import onnx_export
from nets.jobs import export
from nets.suite.catalogues import ROOT
from nets.tasks import task_class
from nets.training.outputs import write_weights


def exported(*words, before="pass"):
    """What the command does in a process of its own: torch's export does not bear what other tests leave behind."""
    script = "import sys; from nets import onnx_export; from nets.jobs import export"
    command = [sys.executable, "-c", f"{script}; {before}; sys.exit(export.main())", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def weights(run_of, tmp_path):
    """A function that writes the file of weights of an untrained row; returns its path."""

    def write(model, overrides="", dataset="mnist5k"):
        run = run_of(model, overrides, dataset=dataset)
        torch.manual_seed(0)
        data = {"mean": [0.1], "std": [0.3]}
        task = task_class(run)(run, task_class(run).pixel_range(data), torch.device("cpu"))
        path = tmp_path / f"{model}.safetensors"
        write_weights(path, task.networks.state_dict(), about={"run": json.loads(run.to_json()), "data": data})
        return path

    return write


@pytest.mark.parametrize(
    ("model", "overrides", "dataset", "said"),
    [
        ("lenet5", "", "mnist5k", "takes images (N, 1, 28, 28) uint8 and gives (N, 10) float32"),
        ("googlenet", "augment.flip=false model.width=0.125", "mnist5k", "gives (N, 10) float32"),
        ("unet", "model.width=4 model.depth=2", "digit_scenes", "gives (N, 64, 64) int64"),
        ("vae", "", "mnist5k", "gives (N, 1, 28, 28) uint8"),
        ("dcgan", "model.width=4", "mnist5k", "takes latents (N, 100) float32 and gives (N, 1, 28, 28) uint8"),
        ("ddpm", "model.width=8", "mnist5k", "takes noisy (N, 1, 28, 28) float32, times (N,) int64 and gives"),
    ],
)
def test_each_kind_answers_as_torch_does(weights, tmp_path, model, overrides, dataset, said):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path, to = weights(model, overrides, dataset), tmp_path / "exported/model.onnx"
    done = exported("--run", path, "--to", to)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    session = onnxruntime.InferenceSession(to)
    assert session.get_modelmeta().custom_metadata_map["run"].startswith(model)
    if model in ("lenet5", "unet"):
        images = np.random.RandomState(0).randint(0, 256, (7, *nets.load(path).run.shape)).astype(np.uint8)
        (found,) = session.run(None, {"images": images})
        np.testing.assert_allclose(found, nets.load(path)(images).numpy(), atol=1e-4)


def test_a_file_that_answers_otherwise_is_refused(weights, tmp_path):
    pytest.importorskip("onnxruntime")
    done = exported("--run", weights("lenet5"), "--to", tmp_path / "model.onnx", before="onnx_export.NEAR = -1")
    assert done.returncode == 1 and "onnxruntime's answer differs from torch's by" in done.stderr
    assert not (tmp_path / "model.onnx").exists()


def test_without_the_packages_a_sentence_says_which(weights, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(onnx_export.importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else sys)
    assert export.main(["--run", str(weights("lenet5"))]) == 1
    assert "ONNX needs onnxruntime; install them: .venv/bin/pip install onnx" in capsys.readouterr().err
    assert export.main(["--run", str(tmp_path / "nowhere")]) == 1
