"""Classic image networks: trained, measured and compared by one workflow.

import nets

model = nets.load("results/quick/runs/lenet5-mnist5k-s0")
model(images)                          # images (N, C, H, W) uint8 to probabilities (N, K)
frame = nets.results("results/quick")  # every number of every run
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

    from nets.trained import Trained


def load(path: str | Path, device: str = "cpu") -> "Trained":
    """The trained network of a run's folder, or of one of its files of weights (.safetensors).

    Of a folder, it has the weights that were best on validation data, where the run chose some, and otherwise the last.
    A file of weights says itself which network it is for, so it can be moved anywhere; it is compared with its SHA-256
    only in its run's folder. Raises UserError if there is no such run, if it has no result, or if it was altered.
    """
    from nets.trained import open_trained

    return open_trained(Path(path), device)


def results(folder: str | Path) -> "pandas.DataFrame":
    """Every number of the runs of a suite, one a row, from `metrics.csv` in its folder; holes have no value.

    Columns: run, model, dataset, task, variant, seed, status, split, metric, value, direction, class. Raises UserError
    if the suite has not been collected.
    """
    from nets.reporting.tables.tidy import read_tidy

    return read_tidy(Path(folder) / "metrics.csv")
