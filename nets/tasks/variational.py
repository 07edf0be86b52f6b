"""How probable a variational autoencoder finds test data.

The likelihood is Bernoulli, whatever the training loss, so that all VAEs of a data set can be compared. That is a
likelihood of black and white images only, so grey images are binarised for it.
"""

from typing import Any

import torch
from torch import Tensor

from nets.data.batches import Batches
from nets.metrics import latent
from nets.metrics.reconstruction import bce
from nets.tasks.codes import VariationalAutoencoder


@torch.no_grad()
def measure(network: VariationalAutoencoder, data: Batches) -> dict[str, Any]:
    """The metrics of a VAE: its rate, its bound and likelihood, and how much of its code it uses."""
    bounds, means = [], []
    for batch in data.ordered():
        numbers, mean = measure_bound(network, batch.images)
        bounds.append(numbers.double().cpu())
        means.append(mean.cpu())
    kl, elbo = torch.cat(bounds, dim=1).mean(1).tolist()
    few, many = measure_likelihood(network, data) if batch.images.shape[1] == 1 else (None, None)
    return latent.METRICS.measure(latent.Rates(kl, elbo, few, many, torch.cat(means)))


def measure_bound(network: VariationalAutoencoder, images: Tensor) -> tuple[Tensor, Tensor]:
    """KL and ELBO (from one sample) of images (2, N), in nats, and the means (N, L) of their codes."""
    mean, log_variance = network.encode(images)
    kl = latent.gaussian_kl(mean, log_variance)
    elbo = -bce(images, network.decode(latent.drawn(mean, log_variance))) - kl
    return torch.stack([kl, elbo]), mean


def measure_likelihood(network: VariationalAutoencoder, data: Batches) -> tuple[float, float]:
    """The mean negative log-likelihood of the binarised images of a split, from `FEW` and from `MANY` samples, in nats.

    Images differ by tens of nats in their likelihood, but only by a few in what more samples gain. So `MANY` are drawn
    only for a few images, and only their gain is measured.
    """
    dice = torch.Generator().manual_seed(0)  # so all models are measured on the same binary images
    binary = [binarise(batch.images, dice) for batch in data.ordered()]
    few = [latent.importance_nll(weights(network, images, latent.FEW)).double().cpu() for images in binary]
    chosen = torch.cat(binary)[torch.randperm(len(data), generator=dice)[: latent.SUBSET]]
    gain = latent.gain(weights(network, chosen, latent.MANY), latent.FEW)
    mean = torch.cat(few).mean().item()
    return mean, mean - gain.double().mean().item()


def binarise(images: Tensor, dice: torch.Generator) -> Tensor:
    """Draw each pixel of images (N, C, H, W) as 1 with its grey as probability, else as 0; `dice` is on the CPU.

    Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", ICML 2008.
    """
    return torch.bernoulli(images.cpu().contiguous(), generator=dice).to(images.device)


def weights(network: VariationalAutoencoder, images: Tensor, count: int) -> Tensor:
    """Importance weights (count, N) of black and white images (N, C, H, W)."""
    mean, log_variance = network.encode(images)

    def log_likelihood(codes: Tensor) -> Tensor:
        logits = network.decode(codes.flatten(0, 1))
        return -bce(images.repeat(len(codes), 1, 1, 1), logits).unflatten(0, codes.shape[:2])

    return latent.importance_weights(log_likelihood, mean, log_variance, count)
