"""The adversarial networks of a teaching repository, so that our results can be compared with its own.

L. Valente, Deep-Learning-Models (github.com/LorenzoValente3/Deep-Learning-Models), 2021, written
in Keras. Their particulars: a tanh image grown from maps of a quarter of its size, LeakyReLU 0.2 in
both networks, batch normalisation of each projected number (not of maps), and Keras's defaults:
Glorot's uniform initialisation, epsilon 0.001.
We differ in two points. Ours return logits where theirs end in a sigmoid (their WGAN has none either).
Ours pad all sides equally where Keras pads strided convolutions more at the right and the bottom.

                    pixels  generator                            discriminator
    Mnist…          28      7 x 7 x 256, 128, 64 (/2), 1 (/2)    64 (/2), 128 (/2)
    Polynomial…     40      10 x 10 x 128, 128 (/2), 64 (/2), 1  16 (/2), 32 (/2), 64 (/2), 128

Any multiple of 4 pixels will do. The critic of their WGAN is a discriminator of eight times the width: 128 (/2),
256 (/2), 512 (/2), 1,024.
"""

from torch import nn


def quarter_of(image_size: int) -> int:
    """A quarter of an image's size. Raises ValueError if that is not an integer."""
    if image_size % 4:
        raise ValueError(f"These networks take multiples of 4 pixels, not {image_size}.")
    return image_size // 4


def normalised(maps: int) -> list[nn.Module]:
    """Batch normalisation like theirs (Keras's momentum is one minus PyTorch's), then LeakyReLU."""
    return [nn.BatchNorm2d(maps, eps=1e-3, momentum=0.2), nn.LeakyReLU(0.2)]


def projection(latent_dim: int, maps: int, size: int) -> list[nn.Module]:
    """Noise (N, latent_dim) -> (N, maps, size, size), each number normalised separately."""
    numbers = maps * size**2
    return [
        nn.Linear(latent_dim, numbers, bias=False),
        nn.BatchNorm1d(numbers, eps=1e-3, momentum=0.2),
        nn.LeakyReLU(0.2),
        nn.Unflatten(1, (maps, size, size)),
    ]


def initialise(network: nn.Module) -> None:
    """Glorot's uniform weights, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class MnistGenerator(nn.Sequential):
    """Noise (N, latent_dim) -> images (N, C, H, W) in -1..1, by transposed 5 x 5 convolutions."""

    def __init__(self, latent_dim: int = 100, out_channels: int = 1, image_size: int = 28, width: int = 64) -> None:
        super().__init__(
            *projection(latent_dim, 4 * width, quarter_of(image_size)),
            nn.ConvTranspose2d(4 * width, 2 * width, 5, 1, 2, bias=False),
            *normalised(2 * width),
            nn.ConvTranspose2d(2 * width, width, 5, 2, 2, output_padding=1, bias=False),
            *normalised(width),
            nn.ConvTranspose2d(width, out_channels, 5, 2, 2, output_padding=1, bias=False),
            nn.Tanh(),
        )
        self.latent_dim = latent_dim
        initialise(self)


class MnistDiscriminator(nn.Sequential):
    """Images (N, C, H, W) in -1..1 -> logits (N, num_classes), positive for images that look real."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 1,
        width: int = 64,
        dropout: float = 0.25,
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, width, 5, 2, 2),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Conv2d(width, 2 * width, 5, 2, 2),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(2 * width * quarter_of(image_size) ** 2, num_classes),
        )
        initialise(self)


class PolynomialGenerator(nn.Sequential):
    """Noise (N, latent_dim) -> images (N, C, H, W) in -1..1, by repeated pixels and convolutions."""

    def __init__(self, latent_dim: int = 2, out_channels: int = 1, image_size: int = 40, width: int = 64) -> None:
        super().__init__(
            *projection(latent_dim, 2 * width, quarter_of(image_size)),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, bias=False),
            *normalised(2 * width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, width, 3, padding=1, bias=False),
            *normalised(width),
            nn.Conv2d(width, out_channels, 3, padding=1, bias=False),
            nn.Tanh(),
        )
        self.latent_dim = latent_dim
        initialise(self)


class PolynomialDiscriminator(nn.Sequential):
    """Images (N, C, H, W) in -1..1 -> logits (N, num_classes), positive for images that look real."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 40,
        num_classes: int = 1,
        width: int = 16,
        dropout: float = 0.25,
    ) -> None:
        last = (quarter_of(image_size) + 2) // 2  # one row and column of padding, then halved
        super().__init__(
            nn.Conv2d(in_channels, width, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.ZeroPad2d((0, 1, 0, 1)),  # as in theirs, before the normalisation
            *normalised(2 * width),
            nn.Dropout(dropout),
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1),
            *normalised(4 * width),
            nn.Dropout(dropout),
            nn.Conv2d(4 * width, 8 * width, 3, 1, 1),
            *normalised(8 * width),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(8 * width * last**2, num_classes),
        )
        initialise(self)
