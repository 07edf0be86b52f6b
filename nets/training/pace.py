"""How long a run's steps, evaluation and samples take on this machine, from a few of them on random images.

`make plan` asks for it where no earlier run tells. Nothing is read but the run's description, and nothing is learned.
"""

import importlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from nets.data.batches import Batches
from nets.data.prepared import Split
from nets.machine.provenance import peak_memory_mb
from nets.run import Run
from nets.tasks import task_class
from nets.tasks.contract import Generator, Task
from nets.training.numerics import choose_device, choose_precision
from nets.training.steps import Steps

MOST_IMAGES = 2000  # that are made up
MOST_STEPS, FEWEST_STEPS = 40, 2
SHARE = 0.6  # of the time given for a network that goes into its steps
SHOWN, SAMPLED = 100, 16  # images that are evaluated, samples that are drawn
EACH, LIMIT = 0.5, 60.0  # seconds for one network, about, and at most


def measure_apart(runs: list[Run], device: torch.device, threads: int, seconds: float) -> Iterator[dict[str, Any]]:
    """What each run costs, measured in a process of its own, whose peak memory is the run's; until `seconds` are over.

    A network that can't be measured has an `error`: the run itself will tell more.
    """
    importlib.import_module("torch._dynamo")  # what optimizers load; once, before processes are forked
    context: Any = multiprocessing.get_context("fork" if device.type == "cpu" else "spawn")
    began = time.monotonic()
    for run in runs:
        if time.monotonic() - began > seconds:
            return
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=report, args=(run, threads, there))
        process.start()
        there.close()
        try:
            yield here.recv() if here.poll(LIMIT) else {"error": f"its steps take more than {LIMIT:.0f} s"}
        except EOFError:
            yield {"error": "its process was killed"}
        finally:
            process.kill()
            process.join()


def report(run: Run, threads: int, to: Connection) -> None:
    """Measure a run, and send what was found."""
    try:
        to.send(measure(run, choose_device(threads), EACH))
    except Exception as error:  # somebody's network may raise anything
        to.send({"error": f"{type(error).__name__}: {error}"})


def measure(run: Run, device: torch.device, seconds: float) -> dict[str, Any]:
    """What a run's parts cost on this machine, from about `seconds` of trying them.

    On a CPU, seconds are those of the process, which other processes hardly change; on a GPU, those of the clock.
    `start`: to build the networks and take the first step; `step`; `batch`: images of a step; `validate`, `evaluate`,
    `probe`: per image; `sample`: per sample; `measured`: how many weights are evaluated; `parameters`; and
    `peak_memory_mb` of this process, or of the GPU.
    """
    clock = timer(device)
    began = clock()
    kind = task_class(run)
    torch.manual_seed(run.seed)
    info = {"mean": run.data["mean"] or [0.5] * run.shape[0], "std": run.data["std"] or [0.25] * run.shape[0]}
    task = kind(run, kind.pixel_range(info), device, choose_precision(run.recipe.precision, device))
    images = min(max(SHOWN, 2 * task.batch_size), MOST_IMAGES)
    data = Batches(made_up(run, images), task.pixels, device, run.recipe.augment)
    found: dict[str, Any] = {
        "device": device.type,
        "batch": min(task.batch_size, images),  # a larger one takes as much longer
        "measured": len(kind.measured),
        "parameters": sum(p.numel() for network in task.networks.values() for p in network.parameters()),
    }
    found |= step_times(task, data, began, clock, seconds)
    few = Batches(made_up(run, SHOWN), task.pixels, device)
    parts: dict[str, tuple[int, Callable[[], object]]] = {
        "validate": (SHOWN, lambda: task.validate(few)),
        "evaluate": (SHOWN, lambda: task.evaluate(few)),
    }
    if kind.probed:
        parts["probe"] = (SHOWN, lambda: task.probe(few, few))
    if isinstance(task, Generator):
        sample = task.sample
        parts["sample"] = (SAMPLED, lambda: sample(SAMPLED, 0).cpu())
    for part, (count, work) in parts.items():
        began = clock()
        work()
        found[part] = (clock() - began) / count
    return found | {"peak_memory_mb": peak_memory_mb(device)}


def step_times(task: Task, data: Batches, began: float, clock: Callable[[], float], seconds: float) -> dict[str, float]:
    """Seconds until the first step is done, and of each that follows (the median)."""
    if not task.run.recipe.epochs:
        return {"start": clock() - began, "step": 0.0}
    steps = Steps(task, data)
    steps.set_rates(1e-6)  # so that no loss grows beyond all bounds on random images
    order = list(data.draws(task.batch_size, 0))
    steps.take(order[0])
    start = clock() - began
    times: list[float] = []
    while len(times) < FEWEST_STEPS or (len(times) < MOST_STEPS and sum(times) < SHARE * seconds):
        before = clock()
        steps.take(order[len(times) % len(order)])
        times.append(clock() - before)
    return {"start": start, "step": float(np.median(times))}


def timer(device: torch.device) -> Callable[[], float]:
    """A clock in seconds: of this process on a CPU; on a GPU of the world, after the device has done its work."""
    if device.type == "cpu":
        return time.process_time

    def clock() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return clock


def made_up(run: Run, count: int) -> Split:
    """A split of random images, labels and masks in the shapes of a run's data set; every class occurs."""
    dice, classes = np.random.default_rng(0), max(1, run.num_classes)
    masked = "masks" in run.data
    images = dice.integers(0, 256, (count, *run.shape), np.uint8)
    masks = dice.integers(0, classes, (count, *run.shape[1:]), np.uint8) if masked else None
    labels = np.full(count, -1) if masked or not run.num_classes else np.arange(count) % classes
    void = run.data["masks"]["void"] if masked else None
    pixels = dict.fromkeys(("train", "validation", "test"), [1] * classes if masked else None)
    info = {"void": void, "class_pixels": pixels, "counts": {}, "hashes": {}, "splits": run.data["splits"]}
    unlabelled = np.arange(count // 2) if run.draws_labels else np.zeros(0, np.int64)
    return Split(images, labels.astype(np.int64), np.arange(count), info, masks, unlabelled)
