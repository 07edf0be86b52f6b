"""An epoch of input: batches by index on the device against torch's `DataLoader` with transforms of single images.

Both give random crops with padding, standardised, in batches of 128.
"""

from collections.abc import Iterable

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.measuring import Findings, Place, Side, clock, compare
from nets.data.batches import Batches, PixelRange
from nets.data.prepared import Split, open_split

BATCH, PADDING, EPOCHS = 128, 2, 3


class Images(Dataset):
    """One image of a split at a time, as in the tutorials."""

    def __init__(self, split: Split, pixels: PixelRange, padding: int = 0):
        self.split, size = split, split.images.shape[-1]
        crop = [v2.RandomCrop(size, padding=padding)] if padding else []
        scale = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(pixels.mean, pixels.std)]
        self.transform = v2.Compose([*crop, *scale])

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, number: int):
        row = self.split.indices[number]
        return self.transform(torch.from_numpy(self.split.images[row])), self.split.labels[row]


def measure(place: Place) -> Findings:
    """Batches by index against a DataLoader without and with worker processes."""
    split = open_split(place.data("mnist5k"), "train")
    pixels = PixelRange(tuple(split.info["mean"]), tuple(split.info["std"]))
    ours = Batches(split, pixels, torch.device("cpu"), {"crop_padding": PADDING})

    def loader(workers: int) -> DataLoader:
        return DataLoader(Images(split, pixels, PADDING), BATCH, True, num_workers=workers, drop_last=True)

    contests = {f"DataLoader, {count} worker processes": read(lambda count=count: loader(count)) for count in (0, 2)}
    mine = read(lambda: ours.epoch(BATCH, seed=0))
    names = place.some(list(contests), 1)
    return Findings("DataLoader", [compare(f"input: {name}", mine, contests[name], place.rounds) for name in names])


def read(epoch) -> Side:
    """A side that reads some epochs."""
    return lambda: clock(lambda: [exhaust(epoch()) for _ in range(EPOCHS)])


def exhaust(batches: Iterable) -> None:
    """Read every batch. Worker processes have ended afterwards, so that their time counts."""
    for _ in batches:
        pass
