"""The result of a run, read from its folder. Nothing is computed here."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nets.errors import UserError
from nets.files import read_json, sha256
from nets.metrics.metric import LEAKED
from nets.reporting.measures import Measure, Number
from nets.reporting.reading import read_arrays, read_history
from nets.run import Run, read_names
from nets.suite.failures import reason as last_words
from nets.tasks.kinds import KINDS
from nets.trust import inside, refuse_links

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Result:
    """What one run left in its folder: its description, its manifest and its numbers."""

    folder: Path
    run: Run
    manifest: dict[str, Any]  # docs/files.md lists its keys; a hole lacks most
    status: str  # ok, diverged, out_of_memory, timed_out, no_data or failed
    reason: str  # why the run is a hole, that is, has no result
    retry: str  # the command that tries it again
    headline: Measure | None  # what tables sort it by; a hole may have none
    numbers: list[Number]  # from metrics.json; a hole has none
    task: str  # the task under which it is compared; see `grouping.views`
    classes: dict[str, list[float | None]] = field(default_factory=dict)  # metrics by class; None: it does not occur

    @property
    def name(self) -> str:
        """`<model>-<dataset>[-<variant>]-s<seed>`."""
        return self.folder.name

    @property
    def ok(self) -> bool:
        """Whether the run has a result."""
        return self.status == "ok"

    @property
    def variant(self) -> str:
        """The row's variant, in words; often empty."""
        return self.run.variant.replace("_", " ")

    @property
    def label(self) -> str:
        """The model's title, with the variant."""
        title = self.run.title
        if self.variant and title.endswith(")"):
            return f"{title[:-1]}; {self.variant})"
        return f"{title} ({self.variant})" if self.variant else title

    @property
    def short_label(self) -> str:
        """The model's title without settings, with the variant."""
        title = self.run.title.split(" (")[0]
        return f"{title} ({self.variant})" if self.variant else title

    @property
    def dataset_title(self) -> str:
        """The data set's title."""
        return self.run.data.get("title") or self.run.dataset

    @property
    def class_names(self) -> list[str] | None:
        """The names of the data set's classes; None if they have no names."""
        classes = self.run.data.get("classes")
        return [str(name) for name in classes] if isinstance(classes, list) else None

    def class_labels(self, count: int) -> list[str]:
        """The names of the classes, or their numbers."""
        return self.class_names or [str(number) for number in range(count)]

    @property
    def samples_only(self) -> bool:
        """Whether only its samples count, as a VAE's among the generators."""
        return self.task != comparison_task(self.run)

    @property
    def description(self) -> dict[str, Any]:
        """The run's description, as in config.json."""
        return json.loads(self.run.to_json())

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """The columns of history.csv; if `samples_only`, without losses, which do not compare with those of GANs."""
        columns = read_history(self.folder / "history.csv")
        if self.samples_only:
            return {name: values for name, values in columns.items() if not name.startswith("train/")}
        return columns

    @cached_property
    def arrays(self) -> "dict[str, np.ndarray]":
        """The arrays of arrays.npz, kept in memory; a hole has none."""
        return read_arrays(self.folder / "arrays.npz")

    @cached_property
    def answers(self) -> "dict[str, np.ndarray]":
        """`labels` (N,) of all test images, in the order of the data set, and a classifier's `predicted` (N,).

        Kept in memory; empty for a hole, and without `labels` for tasks that have none.
        """
        return read_arrays(self.folder / "arrays.npz", "labels", "predicted")

    @cached_property
    def errors(self) -> "np.ndarray | None":
        """An autoencoder's squared error of each test image (N,), averaged over its pixels; None if it was not kept."""
        return read_arrays(self.folder / "arrays.npz", "errors").get("errors")

    @property
    def test_images(self) -> int | None:
        """How many test images it was measured on; None if unknown, or if they have no labels."""
        labels = self.answers.get("labels")
        return None if labels is None else len(labels)

    @cached_property
    def right(self) -> "tuple[str, np.ndarray] | None":
        """Which test images a classifier answers right, as (N,) bool, after the SHA-256 of their labels; else None."""
        if not {"labels", "predicted"} <= self.answers.keys():
            return None
        labels = self.answers["labels"]
        return sha256(labels.astype("<i8").tobytes()), self.answers["predicted"] == labels

    @property
    def scale(self) -> list[dict[str, Any]]:
        """The entries of `scale` in the `reference.json` of each extractor of its data set."""
        folder = self.folder.parents[1] / "fidelity"
        paths = sorted(folder.glob(f"{self.run.dataset}-*/reference.json"))
        return [entry for path in paths for entry in read_json(path)["scale"]]

    @cached_property
    def costs(self) -> dict[str, dict[str, Any]]:
        """What its jobs cost, by stage, as in `costs.json`; empty if no job has noted it."""
        path = self.folder / "costs.json"
        return read_json(path) if path.exists() else {}

    @cached_property
    def layers(self) -> dict[str, list[dict[str, Any]]]:
        """The layers of each network, by role, as in `layers.json`; empty if they are not known."""
        path = self.folder / "layers.json"
        return read_json(path)["networks"] if path.exists() else {}

    @cached_property
    def anatomy(self) -> "dict[str, np.ndarray]":
        """The arrays of anatomy.npz, kept in memory; empty if there is none."""
        return read_arrays(self.folder / "anatomy.npz")

    @cached_property
    def snapshots(self) -> "dict[str, np.ndarray]":
        """The arrays of snapshots.npz, kept in memory; a hole has none."""
        return read_arrays(self.folder / "snapshots.npz")


def load_result(folder: Path) -> Result:
    """Read a run's result from its folder. Raises UserError if a file is missing or broken, or a link out of it."""
    refuse_links(folder)
    config, manifest, metrics = (read_json(folder / f"{name}.json") for name in ("config", "manifest", "metrics"))
    try:
        run = Run.from_json(json.dumps(config))
        # The first stage that is not ok, training or evaluation, says how the run ended.
        end = manifest if manifest["status"] != "ok" else metrics
        entries = [*(metrics.get("metrics") or []), *leaked(folder)] if end["status"] == "ok" else []
        classes = (metrics.get("classes") or {}) if end["status"] == "ok" else {}
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
            classes={name: by_class(values, run.num_classes) for name, values in classes.items()},
        )
    except UserError:
        raise
    except (TypeError, KeyError, AttributeError, ValueError):
        raise UserError(f"{folder} holds results of another version of nets; delete it and train again.") from None


def leaked(folder: Path) -> list[dict[str, Any]]:
    """The best of all epochs on test images, as an entry of `metrics.json`, of a run that was repeated for that."""
    path = folder / "repeated.json"
    if not path.exists() or not (epochs := (found := read_json(path))["epochs"]):
        return []
    best = (max if found["direction"] == "higher" else min)(epoch["test"] for epoch in epochs)
    name = {"split": "test", "metric": found["metric"] + LEAKED}
    return [name | {"value": best, "direction": found["direction"], "passport": None}]


def by_class(values: list[Any], count: int) -> list[float | None]:
    """The values of a metric by class. Raises TypeError or ValueError if they aren't a number, or None, per class."""
    if len(values) != count:
        raise ValueError(f"{len(values)} values for {count} classes")
    return [None if value is None else float(value) for value in values]


def load_results(results: Path, names: Path) -> list[Result]:
    """Read the results, in `<results>/runs/`, of the runs that a file names, one per line. Raises UserError.

    A run without metrics, because its training or evaluation has failed or has not run yet, is a hole too.
    """
    folders = [inside(results, "runs", name) for name in read_names(names)]
    descriptions = results / "runs.jsonl"
    return [
        load_result(folder)
        if (folder / "metrics.json").exists() or not descriptions.exists()
        else unfinished(folder, Run.find(descriptions, folder.name))
        for folder in folders
    ]


def unfinished(folder: Path, run: Run) -> Result:
    """The hole of a run without metrics; its reason is the last word of its newest log."""
    logs = sorted((folder / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
    why = last_words(logs[-1]) if logs else "it has not run yet"
    return Result(folder, run, {}, "failed", f"It has no result: {why}.", "", None, [], comparison_task(run))


def comparison_task(run: Run) -> str:
    """The task under which a run is compared, such as 'generation' for GANs and diffusion."""
    return KINDS[run.task].family.name
