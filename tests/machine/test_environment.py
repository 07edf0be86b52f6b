"""Variables that were set for something else don't reach the libraries of a job."""

import os
import subprocess
import sys

import pytest

from nets.machine.environment import DECIDED, settle
from nets.suite.catalogues import ROOT


def test_settings_go_and_places_stay():
    kept = {
        "PATH": "/bin", "HOME": "/h", "PYTHONPATH": "/p", "MPLCONFIGDIR": "/m", "TORCH_HOME": "/t",
        "MLFLOW_TRACKING_URI": "http://x", "MLFLOW_TRACKING_TOKEN": "secret", "OMP_NUM_THREADS": "3", "NETS_DATA": "/d",
        "CUDA_VISIBLE_DEVICES": "1", "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    }  # fmt: skip
    dropped = (
        *("PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONHASHSEED", "PYTHONSTARTUP", "PYTHONINSPECT"),
        *("MATPLOTLIBRC", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "TORCH_LOGS"),
        *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "NVIDIA_TF32_OVERRIDE"),
    )
    environment = kept | dict.fromkeys(dropped, "1") | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    settle(environment)
    assert environment == kept | DECIDED


@pytest.mark.parametrize("job", ["draw", "compare", "report", "track", "train"])
def test_a_job_started_from_a_notebook(job):
    inherited = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    command = [sys.executable, "-m", f"nets.jobs.{job}", "--help"]
    result = subprocess.run(command, cwd=ROOT, env=os.environ | inherited, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_figures_are_the_same_whatever_a_matplotlibrc_says(tmp_path):
    script = (
        "import nets.jobs; from nets.reporting.figures.style import drawing; from pathlib import Path\n"
        "with drawing(Path('figure.svg'), 2, 2) as (axes,): axes.plot([1, 3, 2])\n"
        "print(Path('figure.svg').read_text())"
    )
    drawn = []
    for name, text in (("plain", ""), ("own", "lines.linewidth: 9\naxes.xmargin: 0.4\nsavefig.bbox: tight\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matplotlibrc").write_text(text)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", script]
        result = subprocess.run(
            command, cwd=tmp_path / name, env=environment, capture_output=True, text=True, check=True
        )
        drawn.append(result.stdout)
    assert drawn[0] == drawn[1] and "<svg" in drawn[0]
