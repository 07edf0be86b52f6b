"""One training: from a run's description and prepared data to weights, history, snapshots and manifest.

The order of the steps that use random numbers (seed, networks, start, judge, training) determines the weights' bits.
"""

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from nets.data.batches import Batches, images_of
from nets.data.prepared import images_sha256, open_split, read_info
from nets.data.weights import WeightsFile
from nets.fidelity.curve import Judge, WatchingExtractor
from nets.fidelity.extractors import load_extractor
from nets.files import atomic
from nets.machine.memory import out_of_memory, watched
from nets.machine.progress import Progress, announce
from nets.machine.slots import sharers
from nets.run import Run
from nets.suite.keys import checkpoint_key, record, training_facts
from nets.tasks import task_class
from nets.tasks.contract import Generator, Task
from nets.tasks.precision import Precision
from nets.training.checkpoints import Checkpoints
from nets.training.diagnosis import Diagnosis, exploded
from nets.training.loop import Diverged, State, TimedOut, Training
from nets.training.manifest import beginning, costs_of, facts_of
from nets.training.numerics import choose_precision
from nets.training.outputs import Failure, Result, Weights, write_result
from nets.training.pretrained import load_start
from nets.training.steps import REPLAYS


@dataclass(frozen=True)
class JobSettings:
    """How a training runs; no setting changes a number."""

    log: Path | None = None  # gets one line per epoch
    checkpoint_seconds: float = 60  # the most work that a kill can cost
    limit_seconds: float = float("inf")  # the training time allowed
    stop_asked: Callable[[], bool] = lambda: False
    alone: bool = False  # whether no other job uses its device
    retry: str | None = None  # the command that tries it again
    replays: bool = REPLAYS  # whether a GPU replays steps without Python


@dataclass(frozen=True)
class Session:
    """What one training needs."""

    run: Run
    folder: Path  # of the run; results go there
    data_dir: Path  # the prepared data set
    device: torch.device
    start: WeightsFile | None = None  # the weights that it starts from
    extractor: WatchingExtractor | None = None  # the classifier that measures samples during training
    settings: JobSettings = JobSettings()

    @cached_property
    def info(self) -> dict[str, Any]:
        """The `dataset.json` of the data."""
        return read_info(self.data_dir)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that determines the result of the run."""
        start = self.start.sha256 if self.start else None
        extractor = self.extractor.weights_sha256 if self.extractor else None
        return training_facts(self.run, self.info.get("hashes"), start, extractor, torch.__version__)

    @cached_property
    def precision(self) -> Precision:
        """The number type in which the run learns on this device."""
        return choose_precision(self.run.recipe.precision, self.device)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The run's checkpoints."""
        kind = f"{self.device.type}-{self.precision.name(self.device)}"
        return Checkpoints(self.folder / "checkpoints", checkpoint_key(self.facts), kind)


def settle_description(folder: Path, runs: Path | None) -> Run:
    """The run of a folder. If `runs`, a runs.jsonl, is given, its description is copied to `config.json` first."""
    if runs:
        with atomic(folder / "config.json") as temporary:
            temporary.write_text(Run.find(runs, folder.name).to_json(), encoding="utf-8")
    return Run.load(folder)


def train(session: Session) -> None:
    """Train and write all outputs; a failed run leaves a hole with its reason. Raises Stopped and Crowded."""
    record(session.folder, "train", session.facts)
    if session.checkpoints.put_back(session.folder):
        name = session.run.name
        print(f"{name}: it has ended before with this description and source; its results are restored.", flush=True)
        return
    began = beginning(session.run, session.device)
    result = attempt(session)
    about = {"run": json.loads(session.run.to_json()), "data": {key: session.info.get(key) for key in ("mean", "std")}}
    written = write_result(session.folder, began, result, session.settings.retry, about)
    if result.failure is None:
        session.checkpoints.finish(written)
    elif result.failure.status != "timed_out":  # a run out of time continues when it is given more
        session.checkpoints.clear()


def attempt(session: Session) -> Result:
    """Train. Errors that make a hole become the result's failure; all others are raised."""
    result = Result()
    if session.info["status"] != "ok":
        result.failure = Failure(session.info["status"], session.info["reason"])
    elif session.start and session.start.status != "ok":
        result.failure = Failure(session.start.status, session.start.reason or "")
    else:
        try:
            with watched(session.checkpoints.folder / "alive.json", session.checkpoints.key):
                learn(session, result)
        except Exception as error:
            result.failure = failure_of(error, session.settings.alone)
            if result.failure is None:
                raise
    return result


def failure_of(error: Exception, alone: bool) -> Failure | None:
    """The failure that an error means for a run; None for errors that don't make a hole. Raises Crowded."""
    if isinstance(error, Diverged):
        return Failure("diverged", str(error))
    if isinstance(error, TimedOut):
        return Failure("timed_out", str(error))
    reason = out_of_memory(error, alone)
    return Failure("out_of_memory", reason) if reason else None


def learn(session: Session, result: Result) -> None:
    """Build and train the task; fill in `result` on the way, so that a failed run has what is known."""
    task = build(session)
    result.facts = facts_of(task, session.info, session.start, session.extractor)
    count = 0
    if session.run.recipe.epochs:
        data, viewed = open_data(session, task)
        count = len(data["train"])
        identity = images_sha256(session.info, "train", session.run.seed)
        result.facts["data"] |= {"images": count, "sha256": identity}
        diverged = None
        try:
            result.state = fit(session, task, data, viewed)
        except Diverged as error:
            diverged = error.with_traceback(None)  # a trace would keep the networks in memory
        if diverged:
            del task, data  # one training at a time fits into memory
            task = build(session)
            data, viewed = open_data(session, task)
            fit(session, task, data, viewed, diagnose=True)
            raise diverged
    state = result.state
    result.facts |= costs_of(task, state, count)
    result.weights["last"] = Weights(task.networks.state_dict(), state.epoch)
    if state.best:
        result.weights["best"] = Weights(state.best.weights, state.best.epoch)
    if state.history and (reason := exploded(task.networks.parameters()) or task.failure(state.history, session.info)):
        result.failure = Failure("diverged", reason)


def build(session: Session) -> Task:
    """The run's task, with its networks as they are before the first step."""
    run, device = session.run, session.device
    torch.manual_seed(run.seed)
    kind = task_class(run)
    task = kind(run, kind.pixel_range(session.info), device, session.precision)
    for warning in task.check():
        announce(f"{run.name}: {warning}", session.settings.log)
    if session.start and run.pretrained:
        task.start_from(load_start(session.start, run.pretrained["kind"]))
    if session.extractor and isinstance(task, Generator) and run.recipe.options["fid_samples"]:
        extractor = load_extractor(session.extractor.manifest, session.data_dir, device)
        task.judge = Judge(extractor, images_of(session.data_dir, "validation"))
    return task


def open_data(session: Session, task: Task) -> tuple[dict[str, Batches], float]:
    """What the task learns from and is validated on, and the seconds that it took to make it from the images."""
    splits = {name: open_split(session.data_dir, name, session.run.seed) for name in ("train", "validation")}
    jobs = sharers(session.settings.alone)
    data = {
        "train": Batches(splits["train"], task.pixels, task.device, task.run.recipe.augment, jobs),
        "validation": Batches(splits["validation"], task.pixels, task.device, jobs=jobs),
    }
    began = time.monotonic()
    data = task.view(data)
    return data, time.monotonic() - began


def fit(session: Session, task: Task, data: dict[str, Batches], viewed: float, diagnose: bool = False) -> State:
    """Train all epochs of the run, from its newest checkpoint if there is one.

    `viewed` counts as training time: the seconds in which the task computed features or labels. With `diagnose`,
    Diverged says what was the first to be no longer finite, and what to do.
    """
    settings = session.settings
    if settings.log:
        settings.log.parent.mkdir(parents=True, exist_ok=True)
    with open(settings.log, "a", encoding="utf-8") if settings.log else nullcontext() as log:
        progress = Progress(task.run.name, log)
        limit = float("inf") if diagnose else settings.limit_seconds  # a diagnosis is slower than the training was
        limits = settings.checkpoint_seconds, settings.stop_asked, limit
        replays = settings.replays and not diagnose  # which looks at each step
        training = Training(task, data, session.checkpoints, progress, *limits, replays)
        if not training.state.resumed:
            training.state.seconds = viewed
            for kind in session.checkpoints.other_kinds():
                own = session.checkpoints.kind
                news = f"its checkpoint is of {kind}, and this job computes with {own}: it starts from the beginning."
                announce(f"{task.run.name}: {news}", settings.log)
        if diagnose:
            Diagnosis(training).begin()
        return training.run()
