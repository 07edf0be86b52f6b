"""What jobs inherit from the environment, and what they decide themselves.

Libraries read settings from variables that a notebook, a shell's start-up file or another project may have set for
itself. Of each library, a job keeps the variables that say where things are or who the user is, and drops the others.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

CHECKOUT = str(Path(__file__).absolute().parents[2])
DECIDED = {
    "MPLBACKEND": "agg",  # a notebook's backend is not there in a job, and matplotlib then can't be imported
    "PYTHONUTF8": "1",  # our files are UTF-8, whatever the locale
    "MLFLOW_DISABLE_TELEMETRY": "true",  # telemetry needs a network
}
KEPT = {  # by the start of the name: the variables of a library that jobs keep, or their starts if they end in "_"
    "PYTHON": (
        *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONSAFEPATH"),
        *("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER", "PYTHON_"),
    ),
    "MPL": ("MPLCONFIGDIR",),
    "MATPLOTLIB": (),
    "MLFLOW_": ("MLFLOW_TRACKING_", "MLFLOW_HTTP_", "MLFLOW_S3_", "MLFLOW_GCS_", "MLFLOW_AZURE_"),
    "_MLFLOW_": (),
    "TORCH_": ("TORCH_HOME", "TORCH_EXTENSIONS_DIR"),
    "TORCHDYNAMO_": (),
    "TORCHINDUCTOR_": (),
    "NVIDIA_TF32_OVERRIDE": (),
}


def module_path() -> str:
    """A PYTHONPATH for jobs: this checkout, then what the user named. An empty part would mean the working folder."""
    own = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return os.pathsep.join(dict.fromkeys([CHECKOUT, *own]))


def settle(environment: MutableMapping[str, str] = os.environ) -> None:
    """Drop and set variables in the environment of this process and its children, before they import a library."""
    for name in list(environment):
        kept = [words for start, words in KEPT.items() if name.startswith(start)]
        if kept and not any(name == word or word.endswith("_") and name.startswith(word) for word in kept[0]):
            del environment[name]
    environment.update(DECIDED)
