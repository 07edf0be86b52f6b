"""A trained network as a model of MLflow: `mlflow.pyfunc.load_model` gives what `nets.load` gives.

The model is the run's file of weights beside a file `MLmodel`, which names this module. MLflow calls `_load_pyfunc`, so
`nets` must be found: start Python in the checkout, or put it on PYTHONPATH.
"""

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nets.reporting.mlflow.logged import tensor
from nets.reporting.results import Result
from nets.run import Run, chosen_weights
from nets.tasks.kinds import KINDS
from nets.trust import inside

if TYPE_CHECKING:
    import numpy as np

    from nets.trained import Trained

FOLDER, WEIGHTS = "model", "weights.safetensors"
OUTPUTS = {"classification": ("float32", 1), "segmentation": ("int64", 2)}  # type and dimensions of an answer


def weights_of(result: Result) -> Path | None:
    """The run's file of weights; None for a hole, and if somebody has removed the file."""
    name = chosen_weights(result.manifest).get("file") if result.ok else None
    path = inside(result.folder, name) if name else None
    return path if path and path.exists() else None


def draws(run: Run) -> bool:
    """Whether the networks take no images, but draw some."""
    return KINDS[run.task].task is None


def description(result: Result, key: str) -> str:
    """The file MLmodel, for MLflow's run `key`. It is JSON, and so YAML."""
    images = tensor("uint8", [-1, *result.run.shape])
    kind, dimensions = OUTPUTS.get(result.run.task, ("", 0))
    answers = tensor(kind, [-1, result.run.num_classes] if dimensions == 1 else [-1] * (dimensions + 1))
    signature = {"inputs": images, "outputs": answers if kind else images, "params": None}
    if draws(result.run):
        seed = {"name": "seed", "type": "long", "default": 0, "shape": None}
        signature = {"inputs": tensor("int64", [-1]), "outputs": images, "params": [seed]}
    content = {
        "artifact_path": FOLDER,
        "run_id": key,
        "flavors": {
            "python_function": {
                "loader_module": __name__,
                "data": WEIGHTS,
                "python_version": platform.python_version(),
            }
        },
        "signature": {name: words and json.dumps(words) for name, words in signature.items()},
    }
    return json.dumps(content, indent=1)


def _load_pyfunc(path: str) -> "Served":
    """What MLflow calls with the path of the weights."""
    import nets

    return Served(nets.load(path))


class Served:
    """A trained network with the method that MLflow calls."""

    def __init__(self, trained: "Trained"):
        self.trained = trained

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> "np.ndarray":
        """What the networks make of images (N, C, H, W) uint8; see `nets.load`.

        A generator takes how many images to draw, as an array (1,) of int64, and the parameter `seed`.
        """
        if draws(self.trained.run):
            return self.trained.sample(int(model_input[0]), int((params or {}).get("seed", 0))).numpy()
        return self.trained(model_input).numpy()
