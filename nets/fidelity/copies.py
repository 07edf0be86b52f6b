"""How many samples copy a training image, even if moved by a pixel, brightened or blurred.

A sample copies a training image if that one is much nearer than the next ones: the distance to the nearest, over the
mean distance to the next `OTHERS`. So blurred samples, which are near many images, are no copies (Carlini et al.,
"Extracting training data from diffusion models", USENIX Security 2023, section 4.2). The limit is the ratio that a
share `CLOSE` of held-out real images falls below, so that this share is what an honest generator scores.

Distances are the smallest over shifts of the sample by a pixel, and over the training image as it is and blurred, all
brought to one brightness and contrast. They are measured in pixels, and in the features of a classifier.
"""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nets.fidelity.extractors import Extractor
from nets.metrics.neighbours import distances

CLOSE = 0.01  # the share of held-out images that count as copies
SAME = 0.05  # the ratio below which two images are the same, but for rounding
OTHERS = 10  # training images, after the nearest, that a distance is compared with
SIDE = 16  # pixels, at most, along a side of the images whose pixels are compared
ROWS = 100  # samples compared at a time

View = Callable[[Tensor], Tensor]  # images (N, C, H, W) uint8 to what is compared, (N, D) float32


class Matches(NamedTuple):
    """For each of N samples, the training image that is nearest, and how much nearer it is than others."""

    nearest: Tensor  # its index (N,) int64
    ratio: Tensor  # (N,) 0: equal; 1: no nearer than the next ones

    @property
    def limit(self) -> float:
        """The ratio up to which samples copy, where these are held-out images; below `SAME`, it finds nothing."""
        return float(torch.quantile(self.ratio.double(), CLOSE))

    def share(self, limit: float) -> float:
        """The percentage of samples with at most this ratio."""
        return 100 * (self.ratio.double() <= limit).double().mean().item()


def pixels(images: Tensor) -> Tensor:
    """The view of pixels: means of squares, at most `SIDE` along a side."""
    return F.avg_pool2d(images.float(), ceil(images.shape[-1] / SIDE)).flatten(1)


def features(extractor: Extractor) -> View:
    """The view of an extractor."""
    return lambda images: extractor.read(images).features


class Kept(NamedTuple):
    """What all generators of a data set share, measured once; see `nets.fidelity.reference`."""

    limits: dict[str, float]  # of held-out images, by metric
    views: Tensor | None  # `Known.views` in features (2, M, D) float32; None: there is no classifier


class Known:
    """Training images, among which the sources of copies are sought."""

    def __init__(self, images: Tensor, view: View, device: torch.device, views: Tensor | None = None):
        """`images` (M, C, H, W) uint8, with M above 1. `views` (2, M, D): what is seen of them, if that is known."""
        self.view, self.device = view, device
        self.mean = images.float().mean().item()
        self.contrast = images.flatten(1).float().std(dim=1).mean().item()
        if views is None:
            views = torch.stack([self.see(images), self.see(blurred(images))])
        self.views = views.to(device)  # of the images as they are, and blurred

    def see(self, images: Tensor) -> Tensor:
        """The view of images (N, C, H, W), brought to the mean and the contrast of the training images."""
        parts = []
        for part in images.split(1000):
            values = part.to(self.device).float()
            deviation, mean = torch.std_mean(values, dim=(1, 2, 3), keepdim=True)
            values = (values - mean) / deviation.clamp(min=1) * self.contrast + self.mean
            parts.append(self.view(values.round().clamp(0, 255).to(torch.uint8)))
        return torch.cat(parts)

    def match(self, images: Tensor) -> Matches:
        """The nearest of the training images to each of images (N, C, H, W) uint8."""
        moved = [self.see(shifted) for shifted in shifts(images)]
        nearest, ratios = [], []
        for rows in torch.arange(len(images)).split(ROWS):
            apart = torch.full((len(rows), len(self.views[0])), torch.inf, device=self.device)
            for seen in moved:
                for known in self.views:
                    apart = torch.minimum(apart, distances(seen[rows], known))
            found = apart.topk(min(OTHERS + 1, apart.shape[1]), dim=1, largest=False)
            nearest.append(found.indices[:, 0])
            ratios.append(found.values[:, 0] / found.values[:, 1:].mean(dim=1).clamp(min=1e-9))
        return Matches(torch.cat(nearest).cpu(), torch.cat(ratios).cpu())


def blurred(images: Tensor) -> Tensor:
    """Images (N, C, H, W) uint8, each pixel the mean of nine."""
    return F.avg_pool2d(images.float(), 3, stride=1, padding=1, count_include_pad=False).round().to(torch.uint8)


def shifts(images: Tensor) -> list[Tensor]:
    """Images (N, C, H, W), and moved by a pixel in each of eight directions; large images by half a square."""
    height, width = images.shape[-2:]
    far = max(1, ceil(width / SIDE) // 2)
    wide = F.pad(images.float(), (far,) * 4, mode="replicate").to(images.dtype)
    return [
        wide[..., down : down + height, right : right + width]
        for down in (far, 0, 2 * far)
        for right in (far, 0, 2 * far)
    ]
