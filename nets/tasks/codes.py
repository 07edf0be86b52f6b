"""What an autoencoder makes of a whole split: codes, reconstructions, their metrics and pictures."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nets.data.batches import UNIT, Batches
from nets.metrics import reconstruction as metrics

SIDE = 15  # of the grid over a code of two numbers
PATHS, STEPS = 6, 8  # of interpolations


@dataclass(frozen=True)
class Encoded:
    """A split through a network, on the CPU: images and reconstructions (N, C, H, W) in 0..1, codes (N, L)."""

    images: Tensor
    labels: Tensor  # (N,), -1: none
    codes: Tensor  # of a VAE the posterior's means
    reconstructions: Tensor
    bce: Tensor | None  # (N,); None where the network gives no logits
    variational: bool


def posterior(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
    """Mean and log variance (N, L) of a VAE's posterior in float32; the code and None of a plain autoencoder."""
    encoded = network.encode(images)
    if isinstance(encoded, tuple):
        return encoded[0].float(), encoded[1].float()
    return encoded.float(), None


@torch.no_grad()
def encode_split(network: nn.Module, data: Batches) -> Encoded:
    """Every image of a split there and back; a VAE's through the mean of its posterior."""
    parts: list[tuple[Tensor, ...]] = []
    for batch in data.ordered():
        mean, log_variance = posterior(network, batch.images)
        output = network.decode(mean).float()
        bce = metrics.bce(batch.images, output)
        parts.append(tuple(t.cpu() for t in (batch.images, batch.labels, mean, network.image(output), bce)))
    *known, bce = (torch.cat(column) for column in zip(*parts, strict=True))
    return Encoded(*known, None if getattr(network, "linear", False) else bce, log_variance is not None)


def measure(seen: Encoded) -> dict[str, float]:
    """The metrics of reconstructions, as means over images."""
    values = metrics.METRICS.measure(seen.images, seen.reconstructions)
    if seen.bce is not None:
        values["bce"] = seen.bce
    return {name: value.double().mean().item() for name, value in values.items()}


def pictures(network: nn.Module, seen: Encoded, count: int, device: torch.device) -> dict[str, np.ndarray]:
    """The arrays of the figures: pairs of images, errors and classes, interpolations, a code of two numbers."""
    spread = torch.linspace(0, len(seen.images) - 1, min(count, len(seen.images))).long()
    shown = {"originals": seen.images[spread], "reconstructions": seen.reconstructions[spread]}
    found = {name: UNIT.invert(pixels).numpy() for name, pixels in shown.items()}
    found |= {"errors": metrics.mse(seen.images, seen.reconstructions).numpy(), "labels": seen.labels.numpy()}
    found["interpolations"] = draw(network, interpolate(seen.codes[spread]).to(device)).cpu().numpy()
    if seen.codes.shape[1] == 2:
        found["latents"] = seen.codes.numpy()
        found["manifold"] = draw(network, grid(seen).to(device)).cpu().numpy()
    return found


def interpolate(ends: Tensor) -> Tensor:
    """Codes (paths * STEPS, L) on straight lines from codes of the first half of (n, L) to those of the second.

    Where images are in the order of their classes, the ends of a line are thus of different ones.
    """
    half = len(ends) // 2
    start, end = (part[: min(PATHS, half), None] for part in (ends[:half], ends[half:]))
    share = torch.linspace(0, 1, STEPS)[None, :, None]
    return (start + share * (end - start)).flatten(0, 1)


def grid(seen: Encoded) -> Tensor:
    """Codes (SIDE², 2) on a grid whose lines part the prior of a VAE, or the codes seen, into equal shares.

    Rows from large to small second numbers, as in a plot.
    """
    shares = (torch.arange(SIDE) + 0.5) / SIDE
    if seen.variational:
        across = down = torch.special.ndtri(shares)
    else:
        across, down = (torch.quantile(column, shares) for column in seen.codes.T)
    return torch.cartesian_prod(down.flip(0), across).flip(1)


@torch.no_grad()
def draw(network: nn.Module, latents: Tensor) -> Tensor:
    """Images (N, C, H, W) uint8, decoded from codes (N, L) on their device."""
    parts = [UNIT.invert(network.image(network.decode(part).float())) for part in latents.split(500)]
    return torch.cat(parts)


def sample(network: nn.Module, count: int, seed: int, device: torch.device) -> Tensor:
    """Images (count, C, H, W) uint8 on the device, decoded from a VAE's prior; the same for the same seed."""
    latents = torch.randn(count, network.latent_dim, generator=torch.Generator().manual_seed(seed))
    return draw(network, latents.to(device))
