"""Batches of a prepared split, selected by index.

On a GPU, the images of a split are kept on the device as uint8 if they fit; all others stay in memory-mapped files.
Either way a batch is one indexing operation, and augmentation works on whole batches on the device, so the bits are the
same. There are no worker processes.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nets.data.augment import augment, augment_with_masks
from nets.data.prepared import Split, open_split

RESIDENT_SHARE = 0.4  # of the device's free memory that a split's images and masks may take
COPIED = 1024  # images that are copied to the device at a time


class Batch(NamedTuple):
    """Images (N, C, H, W) float in the task's range, labels (N,) int64 (-1: none), and sample numbers (N,).

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
        return (pixels - self._column(self.mean, pixels)) / self._column(self.std, pixels)

    def restore(self, images: Tensor) -> Tensor:
        """Map the network's range back to pixels in 0..1."""
        return images * self._column(self.std, images) + self._column(self.mean, images)

    def invert(self, images: Tensor) -> Tensor:
        """Map the network's range back to uint8 pixels, rounded and clipped."""
        return (self.restore(images) * 255).round().clamp(0, 255).to(torch.uint8)

    @staticmethod
    def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)


UNIT = PixelRange((0.0,), (1.0,))  # 0..1
SYMMETRIC = PixelRange((0.5,), (0.5,))  # -1..1


class Batches:
    """A split on a device: random batches for training, ordered ones for evaluation."""

    def __init__(
        self, split: Split, pixels: PixelRange, device: torch.device, augmentation: dict[str, Any] | None = None
    ):
        """`augmentation` is the recipe's `augment`; None or {} leaves images as they are."""
        self.pixels, self.device = pixels, device
        self.augmentation = augmentation or {}
        self.info = split.info
        self.images = torch.from_numpy(split.images)
        self.labels = torch.from_numpy(split.labels).to(device)
        self.order = torch.from_numpy(split.indices.copy())
        self.unlabelled = torch.from_numpy(split.unlabelled.copy())  # more images, without labels: their numbers (m,)
        self.masks = None if split.masks is None else torch.from_numpy(split.masks)
        self.rows: Tensor | None = None  # of each sample among the resident images; None: they stay in their file
        kept = [self.images] if self.masks is None else [self.images, self.masks]
        chosen = torch.cat([self.order, self.unlabelled])
        if sum(each[0].nbytes for each in kept if len(each)) * len(chosen) < room(device):
            self.rows = torch.zeros(len(self.labels), dtype=torch.int64)
            self.rows[chosen] = torch.arange(len(chosen))
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

    def take(self, indices: Tensor, random: bool = False, mirrored: Tensor | None = None) -> Batch:
        """The samples with these numbers (N,), int64 on the CPU; `random` turns augmentation on.

        `mirrored` (N,) bool on the device: see `augment`.
        """
        rows = (indices if self.rows is None else self.rows[indices]).to(self.images.device)
        images = self.images[rows].to(self.device, non_blocking=True).float().div_(255)
        masks = None if self.masks is None else self._classes(self.masks[rows])
        if random and masks is not None:
            images, masks = augment_with_masks(images, masks, self.augmentation, self.pixels.mean, mirrored)
        elif random:
            images = augment(images, self.augmentation, self.pixels.mean, mirrored)
        images = self.pixels.apply(images).contiguous(memory_format=torch.channels_last)
        return Batch(images, self.labels[indices.to(self.device)], indices, masks)

    def _classes(self, masks: Tensor) -> Tensor:
        """Masks (N, H, W) uint8 as int64 on the device, with -1 for void."""
        masks = masks.to(self.device, non_blocking=True).long()
        return masks if self.info["void"] is None else masks.masked_fill_(masks == self.info["void"], -1)

    def epoch(self, batch_size: int, seed: int, skip: int = 0, number: int = 0) -> Iterator[Batch]:
        """Random batches without the last short one, the same for the same seed; the first `skip` are left out.

        `number` counts the epochs of a run from 0, and `seed - number` is the same in all of them. Alternating flips
        mirror half of the images, drawn once, in even epochs, and the other half in odd ones (Jordan 2024).
        """
        generator = torch.Generator().manual_seed(seed)
        order = self.order[torch.randperm(len(self.order), generator=generator)]
        mirrored = None
        if self.augmentation.get("flip") == "alternating":
            dice = torch.Generator().manual_seed(seed - number)
            mirrored = (torch.randint(2, (len(self.labels),), generator=dice) + number) % 2 == 1
        for step in range(skip, self.steps(batch_size)):
            indices = order[step * batch_size : (step + 1) * batch_size]
            chosen = None if mirrored is None else mirrored[indices].to(self.device, non_blocking=True)
            yield self.take(indices, True, chosen)

    def steps(self, batch_size: int) -> int:
        """Number of batches per epoch. A split smaller than a batch is one batch."""
        return max(1, len(self) // batch_size)

    def ordered(self, batch_size: int = 500) -> Iterator[Batch]:
        """Every sample once, in the order of the index list and without augmentation."""
        for start in range(0, len(self), batch_size):
            yield self.take(self.order[start : start + batch_size])


def images_of(folder: Path, split: str, seed: int | None = None) -> Tensor:
    """The images (N, C, H, W) uint8 of a split of a prepared data set, in the order of its index list.

    `seed` is as for `open_split`.
    """
    opened = open_split(folder, split, seed)
    return torch.from_numpy(opened.images[opened.indices])


def room(device: torch.device) -> float:
    """The bytes that a split may take on a device for the whole run; on the CPU none, because its file is mapped."""
    return 0 if device.type == "cpu" else RESIDENT_SHARE * torch.get_device_module(device).mem_get_info(device)[0]
