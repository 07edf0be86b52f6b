"""GAN: the first generative adversarial networks, fully connected.

Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio, "Generative
Adversarial Nets", NIPS 2014; sizes from the authors' code for MNIST (goodfeli/adversarial).

The generator has two hidden layers of 1200 ReLU units; the discriminator has two of 240 maxout units
with 5 pieces, and dropout. Their generator takes uniform noise and ends in a sigmoid. Here any noise
will do, and the output is a tanh, the same curve for pixels in -1..1. Images may have any size.
"""

from torch import Tensor, nn


class Maxout(nn.Module):
    """(N, in_features) -> (N, units), each the maximum of a few linear functions.

    Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout Networks", ICML 2013.
    """

    def __init__(self, in_features: int, units: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(in_features, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


def initialise(network: nn.Module, bound: float) -> None:
    """Weights uniform in -bound..bound, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Noise (N, latent_dim) -> images (N, C, H, W) in -1..1."""

    def __init__(
        self,
        latent_dim: int = 100,
        out_channels: int = 1,
        image_size: int = 28,
        width: int = 1200,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, out_channels * image_size**2),
            nn.Tanh(),
            nn.Unflatten(1, (out_channels, image_size, image_size)),
        )
        initialise(self, 0.05)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Discriminator(nn.Module):
    """Images (N, C, H, W) in -1..1 -> logits (N, num_classes), positive for images that look real."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 1,
        width: int = 240,
        pieces: int = 5,
        input_dropout: float = 0.2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(input_dropout),
            Maxout(in_channels * image_size**2, width, pieces),
            nn.Dropout(dropout),
            Maxout(width, width, pieces),
            nn.Dropout(dropout),
            nn.Linear(width, num_classes),
        )
        initialise(self, 0.005)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
