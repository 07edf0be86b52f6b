"""How fast nets trains on this machine's GPU, beside a bare loop of PyTorch, and where the time goes.

    python -m benchmarks.gpu.speed --minutes 2 --out gpu            on a machine with a GPU
    python -m benchmarks.gpu.speed --minutes 2 --out gpu --pretend  a few steps, on the CPU

For each network: the images per second of the loop in `nets.training.loop`, with its batches, losses and history; those
of a bare loop, which repeats one batch that lies on the device through the same network, optimizer and number type; and
a profile of a few steps of ours: kernels, the share of time in which the device is idle, calls that wait for it. Each
network is a line of `OUT/speed.jsonl`.
"""

import dataclasses
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.bench import Bench, Facts, build, describe, wait
from benchmarks.gpu.command import OutOfTime, device_of, journal, limited, parser_of
from benchmarks.gpu.pretend import narrow
from nets.data.batches import Batches
from nets.data.prepared import open_split
from nets.machine.progress import Progress
from nets.run import Run
from nets.tasks.contract import Task
from nets.training.checkpoints import Checkpoints
from nets.training.loop import Training
from nets.training.numerics import choose_precision

MANY, FEW = {"train": 4096, "validation": 64, "test": 64}, {"train": 32, "validation": 16, "test": 16}
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.9}
WIDE = {"width": 1.0}
RESNET = {"classifier": ("resnet.ResNet", WIDE | {"depth": 18})}
DCGAN = {"generator": ("dcgan.Generator", {"width": 64}), "discriminator": ("dcgan.Discriminator", {"width": 64})}
RUNS = [  # as wide as in the catalogue, with the batches of their recipes
    describe("lenet5", "classification", "digits", {"classifier": ("lenet.LeNet5", {})}, optimizer=SGD),
    describe("resnet18", "classification", "colour", RESNET, optimizer=SGD),
    describe(
        "mobilenet_v2", "classification", "colour", {"classifier": ("mobilenet.MobileNetV2", WIDE)}, optimizer=SGD
    ),
    describe("unet", "segmentation", "masks", {"segmenter": ("unet.UNet", {"width": 32})}),
    describe("dcgan", "adversarial", "grey", DCGAN),
    describe("ddpm", "diffusion", "colour", {"denoiser": ("ddpm.Denoiser", {"width": 128})}),
]
BATCH = {"lenet5": 64, "unet": 16, "dcgan": 64}  # others: 128
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "aten::item")


def bare(task: Task, images: Tensor, labels: Tensor, masks: Tensor | None) -> Callable[[], None]:
    """One step of a bare loop on one batch."""
    networks, optimizers = task.networks, task.optimizers
    networks.train()
    device = images.device

    def update(role: str, loss: Tensor) -> None:
        optimizers[role].zero_grad(set_to_none=True)
        loss.backward()
        optimizers[role].step()

    def classify() -> None:
        with task.precision.autocast(device):
            logits = networks["classifier"](images)
        update("classifier", F.cross_entropy(logits.float(), labels))

    def segment() -> None:
        with task.precision.autocast(device):
            logits = networks["segmenter"](images)
        update("segmenter", F.cross_entropy(logits.float(), masks, ignore_index=-1))

    def adversary() -> None:
        generator, judge = networks["generator"], networks["discriminator"]
        with task.precision.autocast(device):
            fake = generator(torch.randn(len(images), generator.latent_dim, device=device))
            real_score, fake_score = judge(images).float(), judge(fake.detach()).float()
        update("discriminator", F.softplus(-real_score).mean() + F.softplus(fake_score).mean())
        with task.precision.autocast(device):
            score = judge(fake).float()
        update("generator", F.softplus(-score).mean())

    def denoise() -> None:
        times = torch.randint(1000, (len(images),), device=device)
        share = (1 - times / 1000).view(-1, 1, 1, 1)
        noise = torch.randn_like(images)
        with task.precision.autocast(device):
            guess = networks["denoiser"](share.sqrt() * images + (1 - share).sqrt() * noise, times)
        update("denoiser", F.mse_loss(guess.float(), noise))

    steps = {"classification": classify, "segmentation": segment, "adversarial": adversary, "diffusion": denoise}
    return steps[task.run.task]


def timed(step: Callable[[], None], device: torch.device, seconds: float) -> float:
    """Steps per second of a function, for about so many seconds after three that warm up."""
    for _ in range(3):
        step()
    wait(device)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        count += 1
        if count % 10 == 0:
            wait(device)
    wait(device)
    return count / (time.perf_counter() - began)


def ours(task: Task, data: dict[str, Batches], place: Bench, seconds: float) -> float:
    """Images per second of the project's loop, without validation and snapshots, after an epoch that warms up."""
    training = Training(
        task, data, Checkpoints(place.folder / "unused", "0" * 16, "none"), Progress("", None), math.inf
    )
    training.started = training.saved_at = time.monotonic()
    training.train_epoch()
    began, epochs = time.perf_counter(), 0
    while epochs == 0 or time.perf_counter() - began < seconds:
        training.state.epoch += 1
        training.train_epoch()  # whose last look at its losses waits for the device
        epochs += 1
    return epochs * training.steps_per_epoch * task.batch_size / (time.perf_counter() - began)


def profiled(task: Task, data: Batches, steps: int) -> Facts:
    """What a few steps of ours do on the device, and what waits for it."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if task.device.type == "cuda" else [])]
    batches = data.epoch(task.batch_size, seed=0)
    with profile(activities=activities) as found:
        began = time.perf_counter()
        for _, batch in zip(range(steps), batches, strict=False):
            task.learn(batch)
        wait(task.device)
        seconds = time.perf_counter() - began
    events = found.key_averages()
    kernels = sorted(events, key=lambda event: -event.self_device_time_total)
    busy = sum(event.self_device_time_total for event in events if "cuda" in str(event.device_type).lower()) / 1e6
    return {
        "steps": steps,
        "idle_percent": round(100 * max(0.0, 1 - busy / seconds), 1) if task.device.type == "cuda" else None,
        "waits": {event.key: event.count for event in events if event.key in WAITS},
        "kernels": {
            e.key[:80]: round(e.self_device_time_total / 1e3, 2) for e in kernels[:8] if e.self_device_time_total
        },
    }


def measure(place: Bench, run: Run) -> Facts:
    """Images per second of both loops, and the profile."""
    device, size, seconds = place.device, BATCH.get(run.model, 128), 2.0
    precision = choose_precision("auto", device)
    if place.pretend:
        size, seconds = 8, 0.1
        networks = {role: dataclasses.replace(n, args=narrow(n.args)) for role, n in run.networks.items()}
        run = dataclasses.replace(run, networks=networks)
    run = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, batch_size=size))
    task, data = build(place, run, device, precision)
    split = Batches(open_split(place.data(run.dataset), "validation"), task.pixels, device)
    batch = next(data.epoch(size, seed=0))
    steps = timed(bare(task, batch.images, batch.labels, batch.masks), device, seconds)
    task, data = build(place, run, device, precision)
    speed = ours(task, {"train": data, "validation": split}, place, seconds)
    facts = {
        "batch": size,
        "precision": precision.name(device),
        "ours": round(speed, 1),
        "bare": round(steps * size, 1),
    }
    return facts | {
        "share": round(speed / (steps * size), 3),
        "profile": profiled(task, data, 2 if place.pretend else 10),
    }


def measure_all(out: Path, minutes: float, device: torch.device, pretend: bool = False) -> list[dict[str, Any]]:
    """A line of `speed.jsonl` for each network, until the time is over."""
    out.mkdir(parents=True, exist_ok=True)
    place = Bench(device, out.absolute() / "speed", pretend, sizes=FEW if pretend else MANY)
    rows: list[dict[str, Any]] = []
    with journal(out / "speed.jsonl", "a", device, pretend=pretend) as write:
        try:
            with limited(60 * minutes):
                for run in RUNS:
                    rows.append({"network": run.model} | measure(place, run))
                    write(rows[-1])
                    words = "{network:14}{ours:10.0f} images/s, bare loop {bare:.0f}, share {share:.2f}"
                    print(words.format(**rows[-1]), flush=True)
        except OutOfTime:
            print("The time is over.", flush=True)
    return rows


def main(argv: list[str] | None = None) -> int:
    """Measure speeds."""
    args = parser_of("benchmarks.gpu.speed", __doc__, 2).parse_args(argv)
    measure_all(args.out, args.minutes, device_of(args.pretend), args.pretend)
    return 0


if __name__ == "__main__":
    sys.exit(main())
