"""PCA as a network: the best linear autoencoder, and so a baseline for the others.

Pearson, "On Lines and Planes of Closest Fit to Systems of Points in Space", Philosophical Magazine
2, 1901. Baldi and Hornik, Neural Networks 2, 1989, show that a linear autoencoder learns the same subspace.

There are no training steps: `fit` computes mean and components from all images at once.
"""

import torch
from torch import Tensor, nn


class PCA(nn.Module):
    """Images (N, C, H, W) -> code (N, latent_dim), the principal components -> images (N, C, H, W)."""

    linear = True

    def __init__(self, in_channels: int = 1, image_size: int = 28, latent_dim: int = 2) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.image_shape = (in_channels, image_size, image_size)
        pixels = in_channels * image_size**2
        self.mean = nn.Parameter(torch.zeros(pixels), requires_grad=False)
        self.components = nn.Parameter(torch.zeros(latent_dim, pixels), requires_grad=False)  # orthonormal rows

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Compute mean and components of images (N, C, H, W), in float64. A component's largest entry is positive."""
        pixels = images.flatten(1)
        mean = pixels.mean(0, dtype=torch.float64)
        scatter = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=images.device)
        for part in pixels.split(5000):
            centred = part.double() - mean
            scatter += centred.T @ centred
        _, vectors = torch.linalg.eigh(scatter)  # by increasing eigenvalue
        components = vectors[:, -self.latent_dim :].flip(1).T
        largest = components.gather(1, components.abs().argmax(1, keepdim=True))
        self.mean.copy_(mean)
        self.components.copy_(components * largest.sign())

    def encode(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) -> codes (N, latent_dim)."""
        return (x.flatten(1) - self.mean) @ self.components.T

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, latent_dim) -> images (N, C, H, W), which may slightly exceed 0..1."""
        return (z @ self.components + self.mean).unflatten(1, self.image_shape)

    def image(self, output: Tensor) -> Tensor:
        """What `decode` returns is the image."""
        return output

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
