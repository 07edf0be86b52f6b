"""DCGAN: deep convolutional generative adversarial networks.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", ICLR 2016.

The generator projects 100 numbers to 4 x 4 x 1024 and doubles them four times by transposed 5 x 5
convolutions to 64 x 64 x 3 (figure 1). The discriminator goes the other way. No pooling, no hidden
dense layers; batch normalisation everywhere but at the generator's output and the discriminator's
input; ReLU and tanh in the generator, LeakyReLU 0.2 in the discriminator; all weights N(0, 0.02).
Where the paper is silent, this follows the authors' code: the weights of batch normalisation are
N(1, 0.02), and the discriminator has 64, 128, 256 and 512 channels. That code has 4 x 4 kernels,
a third cheaper; they are ``kernel=4`` here.

The size of the image determines how often it is halved:

    pixels  smallest maps  channels of the generator  of the discriminator
    28      7 x 7          256 128                    64 128
    32      4 x 4          512 256 128                64 128 256
    40      5 x 5          512 256 128                64 128 256
    64      4 x 4          1024 512 256 128           64 128 256 512
"""

from itertools import pairwise

from torch import Tensor, nn

HALVINGS = {28: 2, 32: 3, 40: 3, 64: 4}


def halvings_of(image_size: int) -> int:
    """How often an image of this size is halved. Raises ValueError for other sizes than 28, 32, 40 and 64."""
    if image_size not in HALVINGS:
        raise ValueError(f"DCGAN takes images of 28, 32, 40 or 64 pixels, not of {image_size}.")
    return HALVINGS[image_size]


def doubling(before: int, after: int, kernel: int, bias: bool = False) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles height and width exactly."""
    return nn.ConvTranspose2d(before, after, kernel, 2, (kernel - 1) // 2, kernel % 2, bias=bias)


def halving(before: int, after: int, kernel: int, bias: bool = False) -> nn.Conv2d:
    """A convolution that halves an even height and width exactly."""
    return nn.Conv2d(before, after, kernel, 2, (kernel - 1) // 2, bias=bias)


def initialise(network: nn.Module) -> None:
    """Weights N(0, 0.02), those of batch normalisation N(1, 0.02); biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            centre = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
            nn.init.normal_(module.weight, centre, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Noise (N, latent_dim) -> images (N, C, H, W) in -1..1."""

    def __init__(
        self,
        latent_dim: int = 100,
        out_channels: int = 1,
        image_size: int = 28,
        width: int = 64,
        kernel: int = 5,
    ) -> None:
        super().__init__()
        stages = halvings_of(image_size)
        smallest = image_size // 2**stages
        channels = [width * 2**stage for stage in range(stages, 0, -1)]
        self.latent_dim = latent_dim
        self.project = nn.Sequential(
            nn.Linear(latent_dim, channels[0] * smallest**2, bias=False),
            nn.Unflatten(1, (channels[0], smallest, smallest)),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        )
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [doubling(before, after, kernel), nn.BatchNorm2d(after), nn.ReLU()]
        self.stages = nn.Sequential(*layers)
        self.output = nn.Sequential(doubling(channels[-1], out_channels, kernel, True), nn.Tanh())
        initialise(self)

    def forward(self, z: Tensor) -> Tensor:  # the sizes are those of a 64 x 64 image
        x = self.project(z)  # (N, 1024, 4, 4)
        x = self.stages(x)  # (N, 128, 32, 32)
        return self.output(x)  # (N, C, 64, 64)


class Discriminator(nn.Module):
    """Images (N, C, H, W) in -1..1 -> logits (N, num_classes), positive for images that look real."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 1,
        width: int = 64,
        batch_norm: bool = True,
        dropout: float = 0.0,
        kernel: int = 5,
    ) -> None:
        super().__init__()
        stages = halvings_of(image_size)
        smallest = image_size // 2**stages
        channels = [in_channels] + [width * 2**stage for stage in range(stages)]
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(channels)):
            normalised = batch_norm and stage > 0
            layers.append(halving(before, after, kernel, bias=not normalised))
            if normalised:
                layers.append(nn.BatchNorm2d(after))
            layers += [nn.LeakyReLU(0.2), nn.Dropout(dropout)]
        self.stages = nn.Sequential(*layers)
        self.output = nn.Sequential(nn.Flatten(), nn.Linear(channels[-1] * smallest**2, num_classes))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:  # the sizes are those of a 64 x 64 image
        x = self.stages(x)  # (N, 512, 4, 4)
        return self.output(x)  # (N, num_classes)
