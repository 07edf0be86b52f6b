"""The result of a run, read from its folder. Nothing is computed here."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nets.errors import UserError
from nets.reporting.reading import read_arrays, read_history, read_json
from nets.run import Run
from nets.tasks.kinds import KINDS

if TYPE_CHECKING:
    import numpy as np


class Measure(NamedTuple):
    """What a number measures, and on which split."""

    metric: str
    split: str


@dataclass(frozen=True)
class Number:
    """An entry of `metrics.json`; `value` is None where it could not be measured, and `reason` says why."""

    split: str
    metric: str
    value: float | None
    direction: str  # higher, lower or none
    passport: dict[str, Any] | None = None
    reason: str = ""

    @property
    def measure(self) -> Measure:
        """The metric and the split."""
        return Measure(self.metric, self.split)

    @property
    def of_samples(self) -> bool:
        """Whether it measures generated images."""
        return self.metric.endswith(("_indomain", "_inception")) or self.metric == "copies"


@dataclass(frozen=True)
class Result:
    """What one run left in its folder: its description, its manifest and its numbers."""

    folder: Path
    run: Run
    manifest: dict[str, Any]  # ARCHITECTURE.md lists its keys; a hole lacks most
    status: str  # ok, diverged, out_of_memory, timed_out or no_data
    reason: str  # why the run is a hole
    retry: str  # the command that tries it again
    headline: Measure | None  # by which the run is compared first; a hole may have none
    numbers: list[Number]  # of metrics.json; a hole has none
    task: str  # under which it is compared; see `grouping.views`

    @property
    def name(self) -> str:
        """`<model>-<dataset>[-<variant>]-s<seed>`."""
        return self.folder.name

    @property
    def ok(self) -> bool:
        """Whether the run is no hole."""
        return self.status == "ok"

    @property
    def variant(self) -> str:
        """The row's variant, in words; empty for most."""
        return self.run.variant.replace("_", " ")

    @property
    def label(self) -> str:
        """The model as readers know it, with the variant."""
        title = self.run.title
        if self.variant and title.endswith(")"):
            return f"{title[:-1]}; {self.variant})"
        return f"{title} ({self.variant})" if self.variant else title

    @property
    def short_label(self) -> str:
        """The model and the variant alone, without settings."""
        title = self.run.title.split(" (")[0]
        return f"{title} ({self.variant})" if self.variant else title

    @property
    def dataset_title(self) -> str:
        """The data set as readers know it."""
        return self.run.data.get("title") or self.run.dataset

    @property
    def class_names(self) -> list[str] | None:
        """The names of the data set's classes, where it has names."""
        classes = self.run.data.get("classes")
        return [str(name) for name in classes] if isinstance(classes, list) else None

    def class_labels(self, count: int) -> list[str]:
        """The names of the classes, or their numbers."""
        return self.class_names or [str(number) for number in range(count)]

    @property
    def samples_only(self) -> bool:
        """Whether the result counts for its samples alone, such as a VAE's among the generators."""
        return self.task != comparison_task(self.run)

    @property
    def description(self) -> dict[str, Any]:
        """The run's description as config.json holds it."""
        return json.loads(self.run.to_json())

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """The columns of history.csv. Losses are left out of `samples_only`: they do not compare with those of GANs."""
        columns = read_history(self.folder / "history.csv")
        if self.samples_only:
            return {name: values for name, values in columns.items() if not name.startswith("train/")}
        return columns

    @cached_property
    def arrays(self) -> "dict[str, np.ndarray]":
        """The arrays of arrays.npz, kept in memory; a hole has none."""
        return read_arrays(self.folder / "arrays.npz")

    @cached_property
    def snapshots(self) -> "dict[str, np.ndarray]":
        """The arrays of snapshots.npz, kept in memory; a hole has none."""
        return read_arrays(self.folder / "snapshots.npz")


def load_result(folder: Path) -> Result:
    """A run's result by its folder. Raises UserError where a file is missing or broken."""
    config, manifest, metrics = (read_json(folder / f"{name}.json") for name in ("config", "manifest", "metrics"))
    try:
        run = Run.from_json(json.dumps(config))
        end = manifest if manifest["status"] != "ok" else metrics  # the first that is not ok tells how the run ended
        entries = (metrics.get("metrics") or []) if end["status"] == "ok" else []
        return Result(
            folder,
            run,
            manifest,
            status=end["status"],
            reason=end.get("reason") or "",
            retry=end.get("retry") or "",
            headline=Measure(**metrics["headline"]) if metrics.get("headline") else None,
            numbers=[Number(**entry | {"reason": entry.get("reason") or ""}) for entry in entries],
            task=comparison_task(run),
        )
    except (TypeError, KeyError):
        raise UserError(f"{folder} holds results of another version of nets; delete it and train again.") from None


def load_results(results: Path, names: Path) -> list[Result]:
    """The results in `<results>/runs/` of the runs that a file names, one a line. Raises UserError."""
    try:
        lines = names.read_text().splitlines()
    except OSError as error:
        raise UserError(f"{names} can't be read: {error.strerror}.") from None
    return [load_result(results / "runs" / line.strip()) for line in lines if line.strip()]


def comparison_task(run: Run) -> str:
    """The task under which a run is compared: 'generation' for all that only generate."""
    return KINDS[run.task].family.name
