"""What a run costs by its settings: microseconds of CPU for each image learned, and seconds for each seed.

Steps are those of the training job on one batch that is ready, on one thread. Seeds are whole training jobs of LeNet-5
for two epochs, one after another and two at a time. They are timed on the clock, and two at a time gain only on idle
cores.
"""

import dataclasses
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.measuring import ROOT, Curves, Findings, Place, cheapest, clock, say
from benchmarks.networks import CPU, describe
from nets.data.batches import UNIT, Batch
from nets.run import Run
from nets.tasks import task_class

SECONDS = 0.25  # of each timing
SEEDS = (1, 2, 4)
BATCHES = {
    "MLP": "mlp mnist5k mlp",
    "LeNet-5": "lenet5 mnist5k lenet5",
    "autoencoder": "autoencoder mnist5k autoencoder",
    "DCGAN": "dcgan mnist5k dcgan model.width=16",
}
WIDTHS = {
    "DCGAN": ("dcgan mnist5k dcgan", (8, 16, 32, 64)),
    "U-Net": ("unet digit_scenes unet_small model.depth=3 model.dropout=0", (4, 8, 16, 32)),
    "VGG-11": ("vgg11 mnist5k short", (8, 16, 32, 64)),
}
SIZES = {
    "ResNet-18 (another stem from 64 on)": ("resnet18 mnist5k short model.width=0.125", (16, 32, 64, 128)),
    "convolutional autoencoder": (
        "conv_autoencoder mnist5k conv_autoencoder model.widths=[16,32,64]",
        (16, 32, 64, 128),
    ),
    "U-Net": ("unet digit_scenes unet_small model.width=8 model.depth=3 model.dropout=0", (16, 32, 64, 128)),
}
RELATIVE = {"vgg11": 64}  # networks whose `width` is a factor of this many channels


def measure(place: Place) -> Findings:
    """Four drawings; a quick measurement makes none."""
    if place.quick:
        return Findings(skipped="The curves of costs are left out of quick measurements.")
    unit = "µs of CPU per image"
    return Findings(
        curves=[
            Curves("Batch size", "images in a batch", unit, {title: by_batch(row) for title, row in BATCHES.items()}),
            Curves("Width", "channels of the first layer", unit, {t: by_width(*e) for t, e in WIDTHS.items()}),
            Curves("Image size", "pixels on a side", unit, {t: by_size(*e) for t, e in SIZES.items()}),
            Curves("Seeds", "seeds of a row", "seconds on the clock", by_seeds(place)),
        ]
    )


def by_batch(row: str) -> dict[float, float]:
    """The cost of an image by batch size."""
    return {size: cost(describe(f"{row} batch_size={size}")) for size in (8, 16, 32, 64, 128, 256)}


def by_width(row: str, widths: tuple[int, ...]) -> dict[float, float]:
    """The cost of an image by the number of channels."""
    whole = RELATIVE.get(row.split()[0], 1)
    return {width: cost(describe(f"{row} batch_size=16 model.width={width / whole:g}")) for width in widths}


def by_size(row: str, sizes: tuple[int, ...]) -> dict[float, float]:
    """The cost of an image by the length of its side."""
    run = describe(f"{row} batch_size=16")
    shapes = {size: run.data | {"shape": [run.shape[0], size, size]} for size in sizes}
    return {size: cost(dataclasses.replace(run, data=data)) for size, data in shapes.items()}


def cost(run: Run) -> float:
    """Microseconds of CPU for each image of a step."""
    torch.manual_seed(0)
    task = task_class(run)(run, UNIT, CPU)
    count, (_, height, width) = task.batch_size, run.shape
    images = torch.rand(count, *run.shape).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(run.num_classes, (count,))
    masks = torch.randint(run.num_classes, (count, height, width)) if run.task == "segmentation" else None
    batch = Batch(images, labels, labels, masks)
    task.learn(batch)
    steps = max(1, round(SECONDS / clock(lambda: task.learn(batch)).cpu))
    value = 1e6 * cheapest(lambda: [task.learn(batch) for _ in range(steps)]) / steps / count
    say(f"cost: {run.title}, {height} pixels, batches of {count}: {value:.0f} µs per image")
    return value


def by_seeds(place: Place) -> dict[str, dict[float, float]]:
    """Seconds of training jobs by number of seeds, one after another and two at a time."""
    return {
        label: {seeds: clock(lambda: train(place, seeds, together)).wall for seeds in SEEDS}  # noqa: B023
        for label, together in (("one after another", 1), ("two at a time", 2))
    }


def train(place: Place, seeds: int, together: int) -> None:
    """Train some seeds in their own processes, so many at a time."""
    run = describe("lenet5 mnist5k lenet5 epochs=2")
    for first in range(0, seeds, together):
        jobs = [start(place, dataclasses.replace(run, seed=s)) for s in range(first, min(first + together, seeds))]
        if any(job.wait() for job in jobs):
            raise SystemExit("A training job failed; its words are above.")


def start(place: Place, run: Run) -> subprocess.Popen:
    """A training job in a new folder."""
    folder = place.folder / f"seeds{len(list(place.folder.glob('seeds*')))}" / run.name
    folder.mkdir(parents=True)
    Path(folder, "config.json").write_text(run.to_json())
    words = ["--run-dir", str(folder), "--data-dir", str(place.data("mnist5k")), "--log", str(folder / "log")]
    return subprocess.Popen([sys.executable, "-m", "nets.jobs.train", *words], cwd=ROOT)
