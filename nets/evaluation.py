"""Evaluate one trained run: its weights on test data, probes on its codes, the fidelity of its samples."""

import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nets.anatomy import write_anatomy
from nets.data.batches import Batches
from nets.data.prepared import open_split
from nets.errors import UserError, first_line
from nets.fidelity import measure as fidelity
from nets.files import atomic, read_json, write_json
from nets.machine.memory import out_of_memory, watched
from nets.machine.slots import sharers
from nets.metrics.measurement import Measurement, Measurements, by_class
from nets.metrics.metric import CHOSEN, Unmeasured, all_metrics, parts
from nets.run import Run
from nets.suite.keys import record, run_source
from nets.tasks import task_class
from nets.tasks.contract import Generator, Task
from nets.tasks.kinds import KINDS
from nets.tasks.precision import Precision, forked
from nets.training.outputs import SavedWeights, load_weights


@dataclass(frozen=True)
class TrainedRun:
    """A run to evaluate, and its inputs. The fields after `device` change no number."""

    folder: Path  # of the run, with its description, manifest and weights; results go there
    data_dir: Path  # the prepared data set
    references: list[Path]  # reference.json files of the extractors that measure samples
    device: torch.device
    alone: bool = False  # whether no other job uses its device
    retry: str | None = None  # the command that tries it again
    inception: str = ""  # the SHA-256 of Inception's weights in weights.yaml; others are refused

    @cached_property
    def run(self) -> Run:
        """The run's description."""
        return Run.load(self.folder)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The `manifest.json` that training wrote."""
        return read_json(self.folder / "manifest.json")


def evaluate(trained: TrainedRun) -> str:
    """Write `metrics.json` and `arrays.npz`; returns a line for the terminal.

    A hole, a run that ended without a result, stays a hole. An error makes one, so that the other runs can be compared;
    its stack trace is printed. Raises Crowded if memory runs out on a shared device, UserError, and OSError.
    """
    run, measured = trained.run, Measurements()
    record(trained.folder, "evaluate", {"source": run_source("evaluate", run).files})
    end = {key: trained.manifest[key] for key in ("run", "status", "reason", "retry")}
    try:
        with watched(trained.folder / ".evaluating.json", run.digest, "its evaluation"):
            if end["status"] == "ok":
                measured = measure(trained)
    except (UserError, OSError):  # the user can mend these
        raise
    except Exception as error:
        if reason := out_of_memory(error, trained.alone):
            end |= {"status": "out_of_memory", "reason": reason, "retry": trained.retry}
        else:
            traceback.print_exc()
            reason = f"Its evaluation failed ({type(error).__name__}: {first_line(error)})."
            end |= {"status": "failed", "reason": reason, "retry": trained.retry}
    headline = KINDS[run.task].family.headline_of(run.fidelity)
    if any(measurement.metric == headline + CHOSEN for measurement in measured.metrics):
        headline += CHOSEN
    arrays: dict[str, Any] = measured.arrays  # Any: NumPy's types take each keyword for `allow_pickle`, too
    with atomic(trained.folder / "arrays.npz") as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    entries = [measurement.to_json() for measurement in measured.metrics]
    content = end | {
        "precision": Precision().name(trained.device),
        "headline": {"metric": headline, "split": "test"},
        "metrics": entries,
        "classes": measured.classes,
    }
    write_json(trained.folder / "metrics.json", content)
    if end["status"] != "ok":
        return f"{run.name}  {end['status']}: {end['reason']}"
    return f"{run.name}  {in_words(headline, next((m.value for m in measured.metrics if m.metric == headline), None))}"


def in_words(name: str, value: float | Unmeasured | None) -> str:
    """A metric and its value for the terminal, as in "Top-1 97.60 %"."""
    base, qualifiers = parts(name)
    metric = all_metrics()[base]
    words = ["not measured"]
    if isinstance(value, int | float):
        words = [f"{value:.4g}" if metric.decimals is None else f"{value:.{metric.decimals}f}", metric.unit]
    return " ".join(filter(None, [metric.label, *qualifiers, *words]))


def measure(trained: TrainedRun) -> Measurements:
    """The metrics of all weights in the task's `measured`; the arrays, and metrics by class, of the last of them.

    Where both weights are measured, names of metrics of the chosen ones end in `_best`. A run that trains nothing has
    chosen nothing by looking, so its only weights count as both.
    """
    run, device, data_dir = trained.run, trained.device, trained.data_dir
    kind, split = task_class(run), open_split(data_dir, "test")
    pixels = kind.pixel_range(split.info)
    task = kind(run, pixels, device)  # in float32, whatever training used
    jobs = sharers(trained.alone)
    data = Batches(split, pixels, device, jobs=jobs)
    metrics: list[Measurement] = []
    arrays: dict[str, np.ndarray] = {}
    classes: dict[str, list[float | None]] = {}
    weights = trained.manifest["weights"]  # without epochs or validation images, none are the best
    labels = [label for label in kind.measured if label in weights] or ["last"]
    studied = Measurements()
    for label in labels:
        load_weights(task.networks, trained.folder, SavedWeights(**weights[label]))
        evaluation = task.evaluate(data)
        suffixes = ["", CHOSEN] if not run.recipe.epochs and len(kind.measured) > 1 else [""]
        if label == "best" and len(labels) > 1:
            suffixes = [CHOSEN]
        metrics += [Measurement(name + end, value) for end in suffixes for name, value in evaluation.metrics.items()]
        arrays, classes = evaluation.arrays, by_class(evaluation.classes)
        if run.recipe.options.get("measure") and "" in suffixes:
            train = Batches(open_split(data_dir, "train", run.seed), pixels, device, jobs=jobs)
            studied = study(task, train, data)
    metrics, arrays = metrics + studied.metrics, arrays | studied.arrays
    if kind.probed:
        train = Batches(open_split(data_dir, "train", run.seed), pixels, device, jobs=jobs)
        for part, values in task.probe(train, data).items():
            metrics += [Measurement(name, value, part) for name, value in values.items()]
    if isinstance(task, Generator):
        write_json(trained.folder / "timing.json", fidelity.time_a_sample(task))
        samples = fidelity.measure(task, trained.references, data_dir, device, trained.inception)
        metrics, arrays = metrics + samples.metrics, arrays | samples.arrays
    write_anatomy(task, arrays, trained.folder)
    return Measurements(metrics, arrays, classes)


def study(task: Task, train: Batches, test: Batches) -> Measurements:
    """What the option `measure` asks for; random numbers come from the run's seed and leave others untouched."""
    found = Measurements()
    with forked(task.device):
        torch.manual_seed(task.run.seed)
        for part, evaluation in task.study(train, test).items():
            found.metrics += [Measurement(name, value, part) for name, value in evaluation.metrics.items()]
            found.arrays |= evaluation.arrays
    return found
