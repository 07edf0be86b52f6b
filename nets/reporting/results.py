"""Result files, read: run folders, histories, arrays, data sets. Nothing is computed here."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nets.errors import UserError
from nets.tasks.kinds import GENERATION, KINDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = ("run", "model", "dataset", "task", "variant", "seed", "status", "split", "metric", "value", "direction")


@dataclass(frozen=True)
class Run:
    """A run's folder and the JSON files in it."""

    folder: Path
    config: dict[str, Any]
    manifest: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def name(self) -> str:
        """`<model>-<dataset>[-<variant>]-s<seed>`."""
        return self.folder.name

    @property
    def label(self) -> str:
        """The model as readers know it, with the variant."""
        title = self.config["title"]
        if self.variant and title.endswith(")"):
            return f"{title[:-1]}; {self.variant})"
        return f"{title} ({self.variant})" if self.variant else title

    @property
    def short_label(self) -> str:
        """The model and the variant alone, without settings."""
        title = self.config["title"].split(" (")[0]
        return f"{title} ({self.variant})" if self.variant else title

    @property
    def variant(self) -> str:
        """The row's variant, in words; empty for most."""
        return self.config["variant"].replace("_", " ")

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.config["seed"]

    @property
    def _end(self) -> dict[str, Any]:
        """The file that speaks of the run's end: the first that is not ok, else the metrics."""
        return self.manifest if self.manifest["status"] != "ok" else self.metrics

    @property
    def status(self) -> str:
        """ok, diverged, out_of_memory, timed_out or no_data."""
        return self._end["status"]

    @property
    def ok(self) -> bool:
        """Whether the run is none of the holes."""
        return self.status == "ok"

    @property
    def reason(self) -> str:
        """Why the run is a hole."""
        return self._end.get("reason") or ""

    @property
    def retry(self) -> str:
        """The command that tries the run again."""
        return self._end.get("retry") or ""

    @property
    def headline(self) -> dict[str, str]:
        """The metric and split by which the run is compared first; empty for a hole that has none."""
        return self.metrics.get("headline") or {}

    @property
    def numbers(self) -> list[dict[str, Any]]:
        """The entries of metrics.json; a hole has none."""
        return (self.metrics.get("metrics") or []) if self.ok else []

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """The columns of history.csv."""
        return read_history(self.folder / "history.csv")


class Samples(Run):
    """A run whose task is another, a VAE's, as a generator: what its samples are worth, and no loss of its training."""

    @property
    def headline(self) -> dict[str, str]:
        """FID, by the same features as a generator's."""
        return {"metric": GENERATION.headline_of(self.config["fidelity"]), "split": "test"}

    @property
    def numbers(self) -> list[dict[str, Any]]:
        """The entries that measure samples."""
        return [entry for entry in super().numbers if measures_samples(entry)]

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """The columns of history.csv but for the losses, which are of another kind than a generator's."""
        found = read_history(self.folder / "history.csv")
        return {name: values for name, values in found.items() if not name.startswith("train/")}


class Reconstructions(Run):
    """A run that also generates, as what its task makes it: without what its samples are worth."""

    @property
    def numbers(self) -> list[dict[str, Any]]:
        """The entries that measure no samples."""
        return [entry for entry in super().numbers if not measures_samples(entry)]


def measures_samples(entry: dict[str, Any]) -> bool:
    """Whether an entry of metrics.json is of generated images."""
    return entry["metric"].endswith(("_indomain", "_inception")) or entry["metric"] == "copies"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file. Raises UserError."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run the stage that writes it first.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read as JSON ({error}); delete it and run its stage again.") from None


def load_run(folder: Path) -> Run:
    """A run by its folder. Raises UserError where a file is missing or broken."""
    return Run(folder, *(read_json(folder / f"{name}.json") for name in ("config", "manifest", "metrics")))


def load_runs(results: Path, names: Path) -> list[Run]:
    """The runs that a file names, one a line, in `<results>/runs/`."""
    try:
        lines = names.read_text().splitlines()
    except OSError as error:
        raise UserError(f"{names} can't be read: {error.strerror}.") from None
    return [load_run(results / "runs" / line.strip()) for line in lines if line.strip()]


def family(config: dict[str, Any]) -> str:
    """The task under which a run is compared: all that only generate stand together."""
    kind = KINDS.get(config["task"])  # none of a run that stands for its samples alone
    return kind.family.name if kind else config["task"]


def roles(run: Run) -> list[Run]:
    """A run as it stands in comparisons: a VAE twice, for its reconstructions and for its samples."""
    if family(run.config) == GENERATION.name or not run.config["fidelity"]:
        return [run]
    files = run.manifest, run.metrics
    return [
        Reconstructions(run.folder, run.config, *files),
        Samples(run.folder, run.config | {"task": GENERATION.name}, *files),
    ]


def benchmark(runs: Iterable[Run]) -> dict[tuple[str, str], list[Run]]:
    """Runs that are compared, by task and data set, in the order given; extractors are left out."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.config["purpose"] == "benchmark":
            for role in roles(run):
                groups.setdefault((family(role.config), run.config["dataset"]), []).append(role)
    return groups


def models(runs: Iterable[Run]) -> dict[tuple[str, str], list[Run]]:
    """Runs by model and variant: each value holds the seeds of one row of a table."""
    rows: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        rows.setdefault((run.config["model"], run.config["variant"]), []).append(run)
    return rows


def read_history(path: Path) -> dict[str, list[float]]:
    """Columns of a history; empty where there is none. An empty cell (an epoch without a snapshot) is NaN."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def read_arrays(path: Path) -> "dict[str, np.ndarray]":
    """The arrays of an npz file; a hole's file is empty and has none."""
    import numpy as np

    if not path.exists() or not path.stat().st_size:
        return {}
    with np.load(path) as arrays:
        return dict(arrays)


def tidy(runs: Iterable[Run]) -> "pd.DataFrame":
    """One row a number, as in metrics.csv; a hole has one row without a metric."""
    import pandas as pd

    rows = []
    for run in runs:
        known = {key: run.config[key] for key in COLUMNS[1:6]} | {"run": run.name, "status": run.status}
        rows += [known | {key: entry[key] for key in COLUMNS[7:]} for entry in run.numbers or [dict.fromkeys(COLUMNS)]]
    return pd.DataFrame(rows, columns=list(COLUMNS))
