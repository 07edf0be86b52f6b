"""How fast steps of training are with each of the means that make them fast on a GPU, and that none changes a bit."""

import dataclasses
import itertools
import time
from statistics import median
from unittest import mock

from benchmarks.gpu.bench import Bench, Check, Facts, build, differing, must, wait
from benchmarks.gpu.runs import BY_NAME, inputs_of, trained
from nets.machine.provenance import peak_memory_mb
from nets.optimizers import OPTIMIZERS
from nets.run import Run
from nets.tasks import optimizers
from nets.training.numerics import choose_precision
from nets.training.steps import PLAIN, Steps

BATCH = 64
ROUNDS, STEPS = 3, 100  # of each way, in turn
WAYS = {  # whether optimizers are fused, whether a recorded step is replayed
    "plain": (False, False),
    "fused": (True, False),
    "fused and replayed": (True, True),
}
MEASURED = ("lenet5", "resnet20", "dcgan", "wgan_gp", "vae", "unet", "ddpm")
REPLAYED = (*MEASURED, "features")


def check_replays(place: Bench) -> Facts:
    """Replayed steps give the bits of plain ones, after an interruption too."""
    for name in REPLAYED:
        run = BY_NAME[name]
        inputs = inputs_of(place, run)
        plain = trained(place, run)
        whole = place.train(run, "replayed", replays=True, **inputs)
        broken = place.train(run, "replayed-broken", stop_after=PLAIN + 2, replays=True, **inputs)
        must(not differing(plain, whole), f"{name}: replayed steps differ in {differing(plain, whole)}.")
        must(not differing(plain, broken), f"{name}: continued, replayed steps differ in {differing(plain, broken)}.")
    return {"runs": list(REPLAYED)}


def check_speed(name: str) -> Check:
    """The measurement of the steps of a run, in images per second; a way that gains nothing is no mistake."""

    def check(place: Bench) -> Facts:
        recipe = dataclasses.replace(BY_NAME[name].recipe, batch_size=BATCH)
        run = dataclasses.replace(BY_NAME[name], recipe=recipe)
        ways = {label: begun(place, run, *how) for label, how in WAYS.items()}
        rounds = [{label: rate(place, steps) for label, steps in ways.items()} for _ in range(ROUNDS)]
        speeds = {label: round(median(each[label] for each in rounds)) for label in WAYS}
        return {"images per second": speeds, "peak_memory_mb": peak_memory_mb(place.device)}

    return check


def begun(place: Bench, run: Run, fused: bool, replays: bool) -> Steps:
    """Steps of a run in one of the ways, after the first ones, which make what later ones use."""
    table = {name: dataclasses.replace(each, on_gpus=each.on_gpus * fused) for name, each in OPTIMIZERS.items()}
    task, data = build(place, run, place.device, choose_precision("auto", place.device))
    data.augmentation = run.recipe.augment
    with mock.patch.object(optimizers, "OPTIMIZERS", table):
        steps = Steps(task, data, replays)
    steps.set_rates(1.0)
    take(steps, PLAIN + 2)
    return steps


def rate(place: Bench, steps: Steps) -> float:
    """Images per second, without a look at the losses."""
    wait(place.device)
    began = time.perf_counter()
    count = take(steps, 2 if place.pretend else STEPS)
    wait(place.device)
    return count / (time.perf_counter() - began)


def take(steps: Steps, count: int) -> int:
    """Take so many steps, epoch after epoch; returns the number of images."""
    size = steps.task.batch_size
    batches = (batch for seed in itertools.count() for batch in steps.data.draws(size, seed))
    return sum(steps.take(batch) or len(batch) for batch in itertools.islice(batches, count))
