"""Autoencoders: from an image to a small code and back.

Dense. Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
Science 313, 2006. Theirs is ``widths=(1000, 500, 250), latent_dim=30``, with logistic units that
were pretrained layer by layer; here the units are ReLU, without pretraining. The default is the form
of many lectures, 784-128-64-2-64-128-784. Some of them put a ReLU on the code too
(``relu_code=True``). Such a code can die. On MNIST both of its numbers died in 3 of 4 runs from
PyTorch's own initial weights, and one in 3 of 10 from Glorot's, which the dense networks here use.

Convolutional. Masci, Meier, Ciresan and Schmidhuber, "Stacked Convolutional Auto-Encoders for
Hierarchical Feature Extraction", ICANN 2011; here with strides in place of max pooling, and
trained end to end.

Both take images of any size. Each convolution halves the maps, rounding up, and its counterpart in
the decoder restores the size:

    pixels  maps
    28      14   7   4
    32      16   8   4
    40      20  10   5
    64      32  16   8
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


def dense_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these sizes, with a ReLU between each two and none at the end.

    Weights are uniform as in Glorot and Bengio (AISTATS 2010), biases 0.
    """
    layers: list[nn.Module] = []
    for size, next_size in pairwise(sizes):
        linear = nn.Linear(size, next_size)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def dense_encoder(in_channels: int, image_size: int, widths: Sequence[int], out_features: int) -> nn.Sequential:
    """Images (N, C, H, W) -> (N, out_features)."""
    pixels = in_channels * image_size**2
    return nn.Sequential(nn.Flatten(), dense_layers((pixels, *widths, out_features)))


def dense_decoder(latent_dim: int, widths: Sequence[int], out_channels: int, image_size: int) -> nn.Sequential:
    """Codes (N, latent_dim) -> logits (N, C, H, W); `widths` run from code to image."""
    image_shape = (out_channels, image_size, image_size)
    layers = dense_layers((latent_dim, *widths, out_channels * image_size**2))
    return nn.Sequential(layers, nn.Unflatten(1, image_shape))


def halvings(image_size: int, stages: int) -> list[int]:
    """The size of an image and of its maps after each stage: 28 -> [28, 14, 7, 4]."""
    sizes = [image_size]
    for _ in range(stages):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def conv_encoder(in_channels: int, image_size: int, widths: Sequence[int], out_features: int) -> nn.Sequential:
    """Images (N, C, H, W) -> (N, out_features): one convolution per width, then a linear layer."""
    if not widths:
        raise ValueError("A convolutional encoder needs at least one width.")
    smallest = halvings(image_size, len(widths))[-1]
    layers: list[nn.Module] = []
    for before, after in pairwise((in_channels, *widths)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(widths[-1] * smallest**2, out_features)]
    return nn.Sequential(*layers)


def conv_decoder(latent_dim: int, widths: Sequence[int], out_channels: int, image_size: int) -> nn.Sequential:
    """Codes (N, latent_dim) -> logits (N, C, H, W); `widths` run from code to image."""
    sizes = halvings(image_size, len(widths))[::-1]
    first_maps = (widths[0], sizes[0], sizes[0])
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, widths[0] * sizes[0] ** 2),
        nn.Unflatten(1, first_maps),
    ]
    channels = (*widths, out_channels)
    for stage in range(len(widths)):
        extra = sizes[stage + 1] - (2 * sizes[stage] - 1)  # 0 where the encoder rounded up, or 1
        doubling = nn.ConvTranspose2d(channels[stage], channels[stage + 1], 3, 2, 1, extra)
        layers += [nn.ReLU(), doubling]
    return nn.Sequential(*layers)


class EncoderDecoder(nn.Module):
    """(N, C, H, W) in 0..1 -> code (N, latent_dim) -> logits (N, C, H, W), whose sigmoid is the image.

    A `linear` network decodes the image itself, which may exceed 0..1.
    """

    linear = False
    latent_dim: int
    encoder: nn.Module
    decoder: nn.Module

    def encode(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) -> codes (N, latent_dim)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, latent_dim) -> logits (N, C, H, W), before the sigmoid."""
        return self.decoder(z)

    def image(self, logits: Tensor) -> Tensor:
        """The output of `decode` -> pixels in 0..1."""
        return logits if self.linear else logits.sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class Autoencoder(EncoderDecoder):
    """The fully connected autoencoder.

    With ``widths=(), linear=True`` it learns what PCA computes (Baldi and Hornik 1989).
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        latent_dim: int = 2,
        widths: Sequence[int] = (128, 64),
        relu_code: bool = False,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.linear = linear
        self.latent_dim = latent_dim
        self.encoder = dense_encoder(in_channels, image_size, widths, latent_dim)
        if relu_code:
            self.encoder.append(nn.ReLU())
        self.decoder = dense_decoder(latent_dim, widths[::-1], in_channels, image_size)


class ConvAutoencoder(EncoderDecoder):
    """The convolutional autoencoder; at least one width."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        latent_dim: int = 32,
        widths: Sequence[int] = (32, 64, 128),
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = conv_encoder(in_channels, image_size, widths, latent_dim)
        self.decoder = conv_decoder(latent_dim, widths[::-1], in_channels, image_size)


class LatentClassifier(nn.Module):
    """A linear softmax on the code: (N, latent_dim) -> logits (N, num_classes)."""

    def __init__(self, latent_dim: int = 2, num_classes: int = 10) -> None:
        super().__init__()
        self.linear = nn.Linear(latent_dim, num_classes)

    def forward(self, z: Tensor) -> Tensor:
        return self.linear(z)


class EncoderClassifier(nn.Module):
    """The encoder of a `ConvAutoencoder` with a linear head: images (N, C, H, W) -> logits (N, K).

    It can start from a trained autoencoder (Masci et al., section 4), or be trained from scratch. Batch norm separates
    encoder and head, because codes that drive a sigmoid are large (about 20 on MNIST): a new head would spend its
    training on scaling them down.
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 10,
        latent_dim: int = 32,
        widths: Sequence[int] = (32, 64, 128),
    ) -> None:
        super().__init__()
        self.encoder = conv_encoder(in_channels, image_size, widths, latent_dim)
        self.norm = nn.BatchNorm1d(latent_dim)
        self.head = nn.Linear(latent_dim, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.encoder(x)).relu())
