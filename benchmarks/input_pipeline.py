"""How long an epoch of input takes: with batches by index on the device, and with torch's DataLoader and transforms.

    python benchmarks/input_pipeline.py --data-dir results/data/mnist5k

Both give random crops with padding, standardised, in batches of 128. They take turns; the ratio is that of their
medians in one run.
"""

import argparse
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from nets.data.batches import Batches, PixelRange
from nets.data.prepared import Split, open_split

BATCH, PADDING, ROUNDS = 128, 2, 5


class Images(Dataset):
    """One image at a time, as in the tutorials."""

    def __init__(self, split: Split):
        self.split, size = split, split.images.shape[-1]
        self.transform = v2.Compose(
            [
                v2.RandomCrop(size, padding=PADDING),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(split.info["mean"], split.info["std"]),
            ]
        )

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, number: int):
        row = self.split.indices[number]
        return self.transform(torch.from_numpy(self.split.images[row])), self.split.labels[row]


def main() -> None:
    """Time both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of a prepared data set")
    torch.set_num_threads(1)  # the default of a job
    split = open_split(parser.parse_args().data_dir, "train")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pixels = PixelRange(tuple(split.info["mean"]), tuple(split.info["std"]))
    ours = Batches(split, pixels, device, {"crop_padding": PADDING})
    loaders = {
        workers: DataLoader(Images(split), BATCH, True, num_workers=workers, drop_last=True) for workers in (0, 2)
    }
    contestants = {
        "batches by index": lambda: ours.epoch(BATCH, seed=0),
        "DataLoader, no workers": lambda: loaders[0],
        "DataLoader, two workers": lambda: loaders[2],
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, make in contestants.items():
            times[name].append(epoch_time(make(), device))
    best = statistics.median(times["batches by index"])
    print(f"{split.info['title']}, {len(split)} images, {device}, median of {ROUNDS} epochs of input")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:24} {median:8.3f} s  {len(split) / median:10.0f} images/s  {median / best:6.1f} x")


def epoch_time(batches: Iterable, device: torch.device) -> float:
    """Seconds until every batch has been on the device."""
    start = time.perf_counter()
    for images, *_ in batches:
        images.to(device)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
