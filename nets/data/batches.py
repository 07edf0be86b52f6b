"""Batches of a prepared split, selected by index.

On a GPU, the images of a split are kept on the device as uint8 if they fit; all others stay in memory-mapped files.
Either way a batch is one indexing operation, and augmentation works on whole batches on the device, so the bits are the
same. There are no worker processes. Of resident images, a batch takes nothing from the host: the order of an epoch is
copied to the device once.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nets.data.augment import augment, augment_with_masks, by_channel
from nets.data.prepared import Split, open_split

CPU = torch.device("cpu")
RESIDENT_SHARE = 0.4  # of the device's free memory that a split may take; jobs that share the device divide it
COPIED = 1024  # images that are copied to the device at a time
LARGER = 4  # by how much batches are larger on a GPU where nothing is learned or drawn


class Batch(NamedTuple):
    """Images (N, C, H, W) float in the task's range, labels (N,) int64 (-1: none), and sample numbers (N,) int64.

    All are on the device but the numbers of samples, which are where the split is kept.

    `masks` (N, H, W) int64, if the data set has them, hold the class of every pixel (-1: void).
    """

    images: Tensor
    labels: Tensor
    indices: Tensor
    masks: Tensor | None = None


@dataclass(frozen=True)
class PixelRange:
    """The affine map from pixels in 0..1 to a network's input range: (pixel - mean) / std, by channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, C, H, W) in 0..1 to the network's range."""
        mean, std = self._by_channel(pixels)
        return (pixels - mean) / std

    def restore(self, images: Tensor) -> Tensor:
        """Map the network's range back to pixels in 0..1."""
        mean, std = self._by_channel(images)
        return images * std + mean

    def invert(self, images: Tensor) -> Tensor:
        """Map the network's range back to uint8 pixels, rounded and clipped."""
        return (self.restore(images) * 255).round().clamp(0, 255).to(torch.uint8)

    def _by_channel(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return by_channel(self.mean, like.dtype, like.device), by_channel(self.std, like.dtype, like.device)


UNIT = PixelRange((0.0,), (1.0,))  # 0..1
SYMMETRIC = PixelRange((0.5,), (0.5,))  # -1..1


class Batches:
    """A split on a device: random batches for training, ordered ones for evaluation."""

    rows: Tensor | None = None  # of each sample among the resident images; None: they stay in their file
    mirrored: Tensor | None = None  # (N,) bool: which samples this epoch mirrors, where flips alternate (see `draws`)

    def __init__(
        self,
        split: Split,
        pixels: PixelRange,
        device: torch.device,
        augmentation: dict[str, Any] | None = None,
        jobs: int = 1,
    ):
        """`augmentation` is the recipe's `augment`; None or {} leaves images as they are.

        `jobs` is how many jobs may share the device, and so its memory.
        """
        self.pixels, self.device, self.jobs = pixels, device, jobs
        self.augmentation = augmentation or {}
        self.info = split.info
        self.images = torch.from_numpy(split.images)
        self.order = torch.from_numpy(split.indices.copy())
        self.unlabelled = torch.from_numpy(split.unlabelled.copy())  # more images, without labels: their numbers (m,)
        self.masks = None if split.masks is None else torch.from_numpy(split.masks)
        kept = [self.images] if self.masks is None else [self.images, self.masks]
        chosen = torch.cat([self.order, self.unlabelled])
        fits = sum(each[0].nbytes for each in kept if len(each)) * len(chosen) < room(device, jobs)
        self.home = device if fits else CPU  # where images and labels are kept
        self.labels = torch.from_numpy(split.labels).to(self.home)
        if fits:
            self.rows = rows_of(chosen, len(self.labels)).to(device)
            self.images = self._copied(self.images, chosen)
            self.masks = None if self.masks is None else self._copied(self.masks, chosen)

    def __len__(self) -> int:
        return len(self.order)

    def _copied(self, values: Tensor, chosen: Tensor) -> Tensor:
        """The chosen rows of this split's file, on the device; the file also holds those of another split."""
        copied = torch.empty((len(chosen), *values.shape[1:]), dtype=values.dtype, device=self.device)
        for to, rows in zip(copied.split(COPIED), chosen.split(COPIED), strict=True):
            to.copy_(values[rows])
        return copied

    def having(self, order: Tensor, labels: Tensor | None = None) -> "Batches":
        """The same images with another index list (n,), and other labels (N,) if given."""
        other = copy.copy(self)
        other.order, other.labels = order, self.labels if labels is None else labels
        return other

    def take(self, indices: Tensor, random: bool = False) -> Batch:
        """The samples with these numbers (N,), int64 on any device; `random` turns augmentation on."""
        indices = indices.to(self.home)
        rows = indices if self.rows is None else self.rows[indices]
        images = self._moved(self.images[rows]).float().div_(255)
        masks = None if self.masks is None else self._classes(self._moved(self.masks[rows]))
        mirrored = None if self.mirrored is None or not random else self._moved(self.mirrored[indices])
        if random and masks is not None:
            images, masks = augment_with_masks(images, masks, self.augmentation, self.pixels.mean, mirrored)
        elif random:
            images = augment(images, self.augmentation, self.pixels.mean, mirrored)
        images = self.pixels.apply(images).contiguous(memory_format=torch.channels_last)
        return Batch(images, self._moved(self.labels[indices]), indices, masks)

    def _moved(self, values: Tensor) -> Tensor:
        """Values on the device; from the host through pinned memory, so that nothing waits for the copy."""
        if (values.device.type, self.device.type) == ("cpu", "cuda"):
            values = values.pin_memory()
        return values.to(self.device, non_blocking=True)

    def _classes(self, masks: Tensor) -> Tensor:
        """Masks (N, H, W) uint8 as int64, with -1 for void."""
        masks = masks.long()
        return masks if self.info["void"] is None else masks.masked_fill_(masks == self.info["void"], -1)

    def epoch(self, batch_size: int, seed: int, skip: int = 0, number: int = 0) -> Iterator[Batch]:
        """Random batches without the last short one, the same for the same seed; the first `skip` are left out.

        `number`: see `draws`.
        """
        for indices in self.draws(batch_size, seed, skip, number):
            yield self.take(indices, random=True)

    def draws(self, batch_size: int, seed: int, skip: int = 0, number: int = 0) -> Iterator[Tensor]:
        """The numbers (N,) of the samples in each batch of `epoch`, where the split is kept.

        `number` counts the epochs of a run from 0, and `seed - number` is the same in all of them. Alternating flips
        mirror half of the images, drawn once, in even epochs, and the other half in odd ones (Jordan 2024).
        """
        generator = torch.Generator().manual_seed(seed)
        order = self.order[torch.randperm(len(self.order), generator=generator)].to(self.home)
        if self.augmentation.get("flip") == "alternating":
            dice = torch.Generator().manual_seed(seed - number)
            mirrored = (torch.randint(2, (len(self.labels),), generator=dice) + number) % 2 == 1
            # Always in the same place: a recorded step (nets.training.steps) reads it there.
            self.mirrored = mirrored.to(self.home) if self.mirrored is None else self.mirrored.copy_(mirrored)
        for step in range(skip, self.steps(batch_size)):
            yield order[step * batch_size : (step + 1) * batch_size]

    def steps(self, batch_size: int) -> int:
        """Number of batches per epoch. A split smaller than a batch is one batch."""
        return max(1, len(self) // batch_size)

    def ordered(self, batch_size: int = 500) -> Iterator[Batch]:
        """Every sample once, in the order of the index list and without augmentation."""
        order = self.order.to(self.home)
        for start in range(0, len(self), batch_size):
            yield self.take(order[start : start + batch_size])


def images_of(folder: Path, split: str, seed: int | None = None) -> Tensor:
    """The images (N, C, H, W) uint8 of a split of a prepared data set, in the order of its index list.

    `seed` is as for `open_split`.
    """
    opened = open_split(folder, split, seed)
    return torch.from_numpy(opened.images[opened.indices])


def rows_of(chosen: Tensor, count: int) -> Tensor:
    """For each of `count` samples, where it is in the list `chosen`, (count,) int64; 0 for others."""
    rows = torch.zeros(count, dtype=torch.int64)
    rows[chosen] = torch.arange(len(chosen))
    return rows


def room(device: torch.device, jobs: int) -> float:
    """The bytes that a split may take for the whole run on a device that `jobs` share.

    On the CPU none, because its file is mapped.
    """
    if device.type == "cpu":
        return 0
    return RESIDENT_SHARE / jobs * torch.get_device_module(device).mem_get_info(device)[0]


def at_once(count: int, device: torch.device) -> int:
    """How many images of a split go through a network at once where nothing is learned or drawn: on CPUs, `count`.

    What is drawn, and the statistics of a batch, depend on the size of batches, and so have one size on every device.
    """
    return count if device.type == "cpu" else LARGER * count
