"""Autoencoders on a whole split: codes, reconstructions, their metrics and pictures."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from nets.data.batches import UNIT, Batches, at_once
from nets.metrics import reconstruction as metrics
from nets.metrics.metric import finished

SIDE = 15  # images along each side of the grid over a two-dimensional code
PATHS, STEPS = 6, 8  # interpolations, and images of each


class Autoencoder(Protocol):
    """What a network in the role `autoencoder` must have.

    It may also have `linear` and `fit`. If `linear` is true, `decode` returns images, not logits. A network with `fit`
    takes no gradient steps: `fit(images)` computes its weights from the whole split.
    """

    latent_dim: int

    def __call__(self, images: Tensor, /) -> Tensor:
        """The decoder's output for images."""

    def encode(self, images: Tensor, /) -> Tensor | tuple[Tensor, Tensor]:
        """Images (N, C, H, W) in 0..1 to codes (N, latent_dim); of a VAE, to mean and log variance of the posterior."""

    def decode(self, codes: Tensor, /) -> Tensor:
        """Codes to the decoder's output (N, C, H, W): logits of pixels."""

    def image(self, output: Tensor, /) -> Tensor:
        """The decoder's output to pixels in 0..1."""


class VariationalAutoencoder(Autoencoder, Protocol):
    """What a VAE must have."""

    def encode(self, images: Tensor, /) -> tuple[Tensor, Tensor]:
        """Images to mean and log variance (N, latent_dim) of the posterior."""

    def reparametrize(self, mean: Tensor, log_variance: Tensor, /) -> Tensor:
        """A sample of the posterior, through which gradients flow."""


@dataclass(frozen=True)
class Encoded:
    """A split and what a network makes of it, on the CPU: images (N, C, H, W) in 0..1 and codes (N, L)."""

    images: Tensor
    labels: Tensor  # (N,); -1: no label
    codes: Tensor  # of a VAE, the means of the posterior
    reconstructions: Tensor
    bce: Tensor | None  # (N,); None if the network returns no logits
    variational: bool


def posterior(network: Autoencoder, images: Tensor) -> tuple[Tensor, Tensor | None]:
    """Mean and log variance (N, L) of a VAE's posterior, float32; of a plain autoencoder, the code and None."""
    encoded = network.encode(images)
    if isinstance(encoded, tuple):
        return encoded[0].float(), encoded[1].float()
    return encoded.float(), None


@torch.no_grad()
def encode_split(network: Autoencoder, data: Batches) -> Encoded:
    """Encode and decode every image of a split; a VAE decodes the mean of its posterior."""
    parts: list[tuple[Tensor, ...]] = []
    for batch in data.ordered(at_once(500, data.device)):
        mean, log_variance = posterior(network, batch.images)
        output = network.decode(mean).float()
        bce = metrics.bce(batch.images, output)
        parts.append(tuple(t.cpu() for t in (batch.images, batch.labels, mean, network.image(output), bce)))
    images, labels, codes, reconstructions, bce = (torch.cat(column) for column in zip(*parts, strict=True))
    variational, linear = log_variance is not None, getattr(network, "linear", False)
    return Encoded(images, labels, codes, reconstructions, None if linear else bce, variational)


def measure(seen: Encoded) -> dict[str, Any]:
    """The metrics of reconstructions, averaged over images; Unmeasured where they can't be had."""
    values = metrics.METRICS.measure(seen.images, seen.reconstructions)
    if seen.bce is not None:
        values |= {"bce": seen.bce, "pixel_entropy": metrics.pixel_entropy(seen.images)}
    return finished(values, lambda value: value.double().mean().item())


def pictures(network: Autoencoder, seen: Encoded, count: int, device: torch.device) -> dict[str, np.ndarray]:
    """The arrays of the figures: image pairs, errors, classes, interpolations, and the code if it is 2-D."""
    spread = torch.linspace(0, len(seen.images) - 1, min(count, len(seen.images))).long()
    shown = {"originals": seen.images[spread], "reconstructions": seen.reconstructions[spread]}
    arrays = {name: UNIT.invert(pixels).numpy() for name, pixels in shown.items()}
    arrays |= {"errors": metrics.mse(seen.images, seen.reconstructions).numpy(), "labels": seen.labels.numpy()}
    arrays["interpolations"] = draw(network, interpolate(seen.codes[spread]).to(device)).cpu().numpy()
    if seen.codes.shape[1] == 2:
        arrays["latents"] = seen.codes.numpy()
        arrays["manifold"] = draw(network, grid(seen).to(device)).cpu().numpy()
    return arrays


def interpolate(ends: Tensor) -> Tensor:
    """Codes (paths * STEPS, L) on straight lines from codes of the first half of `ends` (n, L) to the second half.

    So if images are sorted by class, the two ends of a line differ in class.
    """
    half = len(ends) // 2
    start, end = (part[: min(PATHS, half), None] for part in (ends[:half], ends[half:]))
    share = torch.linspace(0, 1, STEPS)[None, :, None]
    return (start + share * (end - start)).flatten(0, 1)


def grid(seen: Encoded) -> Tensor:
    """Codes (SIDE², 2) on a grid at equally spaced quantiles: of the prior of a VAE, otherwise of the codes seen.

    The second coordinate falls from row to row, as in a plot.
    """
    shares = (torch.arange(SIDE) + 0.5) / SIDE
    if seen.variational:
        across = down = torch.special.ndtri(shares)
    else:
        across, down = (torch.quantile(column, shares) for column in seen.codes.T)
    return torch.cartesian_prod(down.flip(0), across).flip(1)


@torch.no_grad()
def draw(network: Autoencoder, latents: Tensor) -> Tensor:
    """Images (N, C, H, W) uint8, decoded from codes (N, L) on the same device."""
    size = at_once(500, latents.device)
    return torch.cat([UNIT.invert(network.image(network.decode(part).float())) for part in latents.split(size)])


def sample(network: Autoencoder, count: int, seed: int, device: torch.device) -> Tensor:
    """Images (count, C, H, W) uint8 on the device, decoded from a VAE's prior; the same for the same seed."""
    latents = torch.randn(count, network.latent_dim, generator=torch.Generator().manual_seed(seed))
    return draw(network, latents.to(device))
