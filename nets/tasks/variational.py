"""What a variational autoencoder says of test data as a model of their probability.

The likelihood is Bernoulli, whatever loss it was trained with, so that all VAEs of a data set compare: a grey pixel
counts as the chance of a white one.
"""

from math import log

import torch
from torch import Tensor, nn

from nets.data.batches import Batches
from nets.metrics import latent
from nets.metrics.reconstruction import bce

SAMPLES = 64  # of the posterior, for the importance-sampled likelihood


@torch.no_grad()
def measure(network: nn.Module, data: Batches) -> dict[str, tuple[float, str]]:
    """Rate (KL), evidence lower bound and likelihood in nats an image, active units of the code.

    Of grey images also bits a dimension: coloured ones have no binary counterpart in papers to compare with.
    """
    found, means = [], []
    for batch in data.ordered():
        numbers, mean = measure_batch(network, batch.images)
        found.append(numbers.double().cpu())
        means.append(mean.cpu())
    kl, elbo, nll = torch.cat(found, dim=1).mean(1).tolist()
    channels, height, width = batch.images.shape[1:]
    bits = {"bpd": (nll / (height * width * log(2)), "lower")} if channels == 1 else {}
    return {
        "kl": (kl, "none"),
        "elbo": (elbo, "higher"),
        f"nll_is{SAMPLES}": (nll, "lower"),
        **bits,
        "active_units": (float(latent.active_units(torch.cat(means))), "none"),
    }


def measure_batch(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """KL, bound (by one sample) and negative log-likelihood (3, N) of images, and their codes' means (N, L)."""
    mean, log_variance = network.encode(images)

    def log_likelihood(z: Tensor) -> Tensor:
        return -bce(images, network.decode(z))

    kl = latent.gaussian_kl(mean, log_variance)
    elbo = log_likelihood(network.reparametrize(mean, log_variance)) - kl
    nll = latent.importance_nll(log_likelihood, mean, log_variance, SAMPLES)
    return torch.stack([kl, elbo, nll]), mean
