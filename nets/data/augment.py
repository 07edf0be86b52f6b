"""Random augmentation of training images, in whole batches on their device."""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nets.data.entries import DISTORTIONS


@cache
def by_channel(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """One number for each channel, or one for all, (1, C, 1, 1): copied to each device once, not for each batch."""
    return torch.tensor(values, dtype=dtype, device=device).view(1, -1, 1, 1)


def augment(
    images: Tensor, settings: dict[str, Any], mean: tuple[float, ...], mirrored: Tensor | None = None
) -> Tensor:
    """Apply the recipe's `augment` settings to images (N, C, H, W) in 0..1; each image is changed at random.

    `mean`, one number per channel or one for all, is the colour of the squares that cutout covers. `mirrored` (N,) bool
    says which images are mirrored, where that is not drawn here (flip: alternating).
    """
    if settings.get("crop_padding"):
        images = random_crop(images, settings["crop_padding"], settings.get("padding", "zero"))
    if any(settings.get(key) for key in DISTORTIONS):
        images = distort(images, *(settings.get(key, 0.0) for key in DISTORTIONS))
    if settings.get("flip"):
        images = random_flip(images) if mirrored is None else mirror(images, mirrored)
    if settings.get("cutout"):
        images = cutout(images, settings["cutout"], mean)
    return images


def augment_with_masks(
    images: Tensor, masks: Tensor, settings: dict[str, Any], mean: tuple[float, ...], mirrored: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Change images and their masks (N, H, W) int64 alike; padded and covered pixels become void, -1.

    The masks are passed as one more channel, in which 0 means void. They stay integers, because every change only
    moves or removes pixels.
    """
    mean = mean * (images.shape[1] // len(mean))
    together = augment(torch.cat([images, masks[:, None] + 1], dim=1), settings, (*mean, 0.0), mirrored)
    return together[:, :-1], together[:, -1].long() - 1


def cutout(images: Tensor, size: int, mean: tuple[float, ...]) -> Tensor:
    """Cover a square around a random pixel of each image, clipped at the borders (DeVries and Taylor 2017)."""
    count, _, height, width = images.shape
    hidden = []
    for length, shape in ((height, (count, 1, height, 1)), (width, (count, 1, 1, width))):
        centre = torch.randint(0, length, (count, 1), device=images.device)
        start = centre - size // 2
        places = torch.arange(length, device=images.device)
        hidden.append(((places >= start) & (places < start + size)).view(shape))
    return torch.where(hidden[0] & hidden[1], by_channel(mean, images.dtype, images.device), images)


def random_flip(images: Tensor) -> Tensor:
    """Mirror each image horizontally with probability 1/2."""
    return mirror(images, torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5)


def mirror(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror the chosen images horizontally; `chosen` (N,) bool."""
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)


def random_crop(images: Tensor, padding: int, kind: str = "zero") -> Tensor:
    """Pad each side by `padding` pixels, then crop to the old size at a random place (He et al. 2016, section 4.2).

    `kind` is `zero`, or `reflect`: the pixels next to the border, in reverse order.
    """
    count, channels, height, width = images.shape
    padded = F.pad(images, [padding] * 4, mode="constant" if kind == "zero" else kind)
    top, left = torch.randint(0, 2 * padding + 1, (2, count, 1, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device).view(1, -1, 1)  # (N, H, 1)
    columns = left + torch.arange(width, device=images.device).view(1, 1, -1)  # (N, 1, W)
    samples = torch.arange(count, device=images.device).view(-1, 1, 1)
    return padded.permute(0, 2, 3, 1)[samples, rows, columns].permute(0, 3, 1, 2)  # (N, C, H, W)


def distort(images: Tensor, shift: float, scale: float, squeeze: float, shear: float) -> Tensor:
    """Map each image by a random planar affine map (LeCun et al. 1998, section III-A); new pixels are 0.

    Each image is moved by up to `shift` pixels along each axis; scaled by a factor between 1 / (1 + scale) and
    1 + scale; squeezed: its width is multiplied by such a factor of `squeeze` and its height divided by it; and sheared
    horizontally by up to `shear` pixels per row. Pixels are interpolated bilinearly.
    """
    height, width = images.shape[2:]
    draws = 2 * torch.rand(len(images), 5, device=images.device) - 1
    size, shape = (1 + scale) ** draws[:, 0], (1 + squeeze) ** draws[:, 1]
    slope, right, down = shear * draws[:, 2], shift * draws[:, 3], shift * draws[:, 4]
    zero = torch.zeros_like(size)
    # From a pixel's new place to its old one, in the units of grid_sample, where each axis is from -1 to 1.
    columns = torch.stack([1 / (size * shape), slope * height / width, right * 2 / width], dim=1)
    rows = torch.stack([zero, shape / size, down * 2 / height], dim=1)
    grid = F.affine_grid(torch.stack([columns, rows], dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
