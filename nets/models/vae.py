"""VAE: variational autoencoders, with a diagonal Gaussian posterior and a standard normal prior.

Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014.

The encoder gives the mean and the log variance of q(z | x); the decoder gives the logits of the
pixels. The paper's networks have one hidden layer of 500 (``widths=(500,)``, latent 2 to 200). The
default is the dense form of many lectures, 784-512-64-(2 + 2)-64-512-784. `ConvVAE` has the
convolutions of `nets.models.autoencoder`; the table of sizes there applies here too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nets.models.autoencoder import conv_decoder, conv_encoder, dense_decoder, dense_encoder


class GaussianAutoencoder(nn.Module):
    """Images (N, C, H, W) in 0..1 -> logits (N, C, H, W), through a code (N, latent_dim).

    `forward` decodes a sample of the posterior in training, and its mean in evaluation, so that
    reconstructions are deterministic. A loss calls the three steps itself.
    """

    latent_dim: int
    encoder: nn.Module  # to (N, 2 * latent_dim)
    decoder: nn.Module

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images -> mean and log variance of the posterior, (N, latent_dim) each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def reparametrize(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """A sample (N, latent_dim) of the posterior, through which gradients flow (section 2.4)."""
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, latent_dim) -> logits (N, C, H, W), before the sigmoid."""
        return self.decoder(z)

    def image(self, logits: Tensor) -> Tensor:
        """The output of `decode` -> pixels in 0..1."""
        return logits.sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        return self.decode(self.reparametrize(mean, log_variance) if self.training else mean)


class VAE(GaussianAutoencoder):
    """The fully connected VAE."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        latent_dim: int = 2,
        widths: Sequence[int] = (512, 64),
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = dense_encoder(in_channels, image_size, widths, 2 * latent_dim)
        self.decoder = dense_decoder(latent_dim, widths[::-1], in_channels, image_size)


class ConvVAE(GaussianAutoencoder):
    """The convolutional VAE; at least one width."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        latent_dim: int = 32,
        widths: Sequence[int] = (32, 64, 128),
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = conv_encoder(in_channels, image_size, widths, 2 * latent_dim)
        self.decoder = conv_decoder(latent_dim, widths[::-1], in_channels, image_size)
