"""The models that MLflow loads answer as the networks of `nets.load`."""

import json
import shutil

import numpy as np
import pytest

import nets
from nets.jobs import track
from nets.reporting.mlflow import model
from nets.reporting.results import load_result


def logged(run, folder):
    """MLflow's address of the model of a run, tracked in a new folder."""
    from mlflow import MlflowClient

    name = json.loads((run / "config.json").read_text())["name"]
    shutil.copytree(run, folder / "runs" / name)
    metrics = {"run": name, "status": "ok", "reason": None, "retry": None, "metrics": [], "classes": {}}
    metrics["headline"] = {"metric": "top1", "split": "test"}
    (folder / "runs" / name / "metrics.json").write_text(json.dumps(metrics))
    (folder / "runs.txt").write_text(name)
    assert track.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt")]) == 0
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name(folder.name).experiment_id], "tags.seed = '0'")
    return client, found


@pytest.mark.filterwarnings("ignore")  # MLflow warns of its own classes
def test_a_classifier_is_loaded_with_its_signature(extractor_run, tmp_path, monkeypatch):
    import mlflow

    run, folder = extractor_run.parent, tmp_path / "quick"
    client, found = logged(run, folder)
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    expected = nets.load(run)(images).numpy()
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    loaded = mlflow.pyfunc.load_model(f"runs:/{found.info.run_id}/model")
    np.testing.assert_array_equal(loaded.predict(images), expected)
    assert loaded.metadata.signature.inputs.input_types() == [np.dtype("uint8")]
    with pytest.raises(mlflow.exceptions.MlflowException, match="shape"):
        loaded.predict(images[:, :, :5])

    weights = next((folder / "mlartifacts").glob("*/artifacts/model/weights.safetensors"))
    chosen = model.weights_of(load_result(next((folder / "runs").iterdir())))
    assert weights.samefile(chosen)  # one file with two names: it takes no space
    moved = shutil.move(folder, tmp_path / "moved")
    path = next((tmp_path / "moved/mlartifacts").glob("*/artifacts/model"))
    np.testing.assert_array_equal(mlflow.pyfunc.load_model(str(path)).predict(images), expected)
    assert moved


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("dcgan", ("int64", (-1,)), ("uint8", (-1, 1, 28, 28))),
        ("conv_autoencoder", ("uint8", (-1, 1, 28, 28)), ("uint8", (-1, 1, 28, 28))),
        ("unet", ("uint8", (-1, 1, 64, 64)), ("int64", (-1, -1, -1))),
    ],
)
def test_signatures_of_other_kinds(name, inputs, outputs, run_of, tmp_path):
    from mlflow.models import Model

    run = run_of(name, dataset="digit_scenes") if name == "unet" else run_of(name)
    folder = tmp_path / run.name
    folder.mkdir()
    (folder / "config.json").write_text(run.to_json())
    end = {"run": run.name, "status": "ok", "reason": None, "retry": None}
    (folder / "manifest.json").write_text(json.dumps(end | {"weights": {}}))
    (folder / "metrics.json").write_text(
        json.dumps(end | {"metrics": [], "headline": {"metric": "fid_indomain", "split": "test"}})
    )
    (tmp_path / "MLmodel").write_text(model.description(load_result(folder), "a" * 32))
    signature = Model.load(str(tmp_path)).signature
    assert [(spec.type.name, spec.shape) for spec in signature.inputs] == [inputs]
    assert [(spec.type.name, spec.shape) for spec in signature.outputs] == [outputs]
    assert bool(signature.params) == (name == "dcgan")


def test_a_generator_draws_as_many_as_it_is_asked_for():
    class Trained:
        run = type("Run", (), {"task": "adversarial"})

        def sample(self, count, seed):
            import torch

            return torch.full((count, 1), seed)

    served = model.Served(Trained())
    assert served.predict(np.array([3]), {"seed": 7}).tolist() == [[7], [7], [7]]
    assert served.predict(np.array([2])).tolist() == [[0], [0]]
