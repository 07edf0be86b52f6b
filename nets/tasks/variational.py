"""How probable a variational autoencoder finds test data.

The likelihood is Bernoulli, whatever the training loss, so that all VAEs of a data set can be compared: the grey value
of a pixel counts as the probability that it is white.
"""

import torch
from torch import Tensor

from nets.data.batches import Batches
from nets.metrics import latent
from nets.metrics.reconstruction import bce
from nets.tasks.codes import VariationalAutoencoder


@torch.no_grad()
def measure(network: VariationalAutoencoder, data: Batches) -> dict[str, float]:
    """The metrics of a VAE: its rate, its likelihood, and how much of its code it uses."""
    parts, means = [], []
    for batch in data.ordered():
        numbers, mean = measure_batch(network, batch.images)
        parts.append(numbers.double().cpu())
        means.append(mean.cpu())
    kl, elbo, nll = torch.cat(parts, dim=1).mean(1).tolist()
    channels, height, width = batch.images.shape[1:]
    return latent.METRICS.measure(latent.Rates(kl, elbo, nll, torch.cat(means), (channels, height, width)))


def measure_batch(network: VariationalAutoencoder, images: Tensor) -> tuple[Tensor, Tensor]:
    """KL, ELBO (from one sample) and negative log-likelihood (3, N) of images, and the means (N, L) of their codes."""
    mean, log_variance = network.encode(images)

    def log_likelihood(z: Tensor) -> Tensor:
        return -bce(images, network.decode(z))

    kl = latent.gaussian_kl(mean, log_variance)
    elbo = log_likelihood(network.reparametrize(mean, log_variance)) - kl
    nll = latent.importance_nll(log_likelihood, mean, log_variance, latent.SAMPLES)
    return torch.stack([kl, elbo, nll]), mean
