"""The denoiser of DDPM: a U-Net that predicts the noise in an image, given how noisy it is.

Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020, appendix B. The
process that it reverses is `nets.tasks.diffusion_process`.

The defaults are the paper's for CIFAR-10, 35.7 million parameters: four levels of 128, 256, 256
and 256 channels, two residual blocks per level on the way down and three on the way up, attention at
16 x 16 and between the two ways. Layers that add to their input start by adding nothing.

Each level halves the maps, rounding up, and the way up restores their size:

    pixels  maps             attention
    28      28  14   7   4   14 x 14
    32      32  16   8   4   16 x 16
    40      40  20  10   5   20 x 20
    64      64  32  16   8   16 x 16
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with 32 groups, or fewer if a group would have fewer than 4 channels."""
    return nn.GroupNorm(math.gcd(32, channels // 4), channels, eps=1e-6)


class TimeEmbedding(nn.Module):
    """Times (N,) -> (N, 4 * width): sines and cosines, then two linear layers."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        frequencies = torch.exp(-math.log(10_000) * torch.arange(half) / (half - 1))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None] * self.frequencies
        return self.layers(torch.cat([angles.sin(), angles.cos()], dim=1))


class ResidualBlock(nn.Module):
    """Two convolutions around a shortcut; the time is added between them."""

    def __init__(self, in_channels: int, out_channels: int, time_features: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time = nn.Linear(time_features, out_channels)
        self.norm2 = norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time(F.silu(time))[:, :, None, None]
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return self.shortcut(x) + h


class Attention(nn.Module):
    """Self-attention with one head over the pixels of the maps, around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pixels = self.qkv(self.norm(x)).flatten(2).transpose(1, 2)  # (N, H W, 3 C)
        q, k, v = pixels.unsqueeze(1).chunk(3, dim=3)  # (N, 1, H W, C) each
        h = F.scaled_dot_product_attention(q, k, v)
        return x + self.output(h.squeeze(1).transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    """A residual block, followed by attention if `attends`."""

    def __init__(self, in_channels: int, out_channels: int, time_features: int, dropout: float, attends: bool) -> None:
        super().__init__()
        self.residual = ResidualBlock(in_channels, out_channels, time_features, dropout)
        self.attention = Attention(out_channels) if attends else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.attention(self.residual(x, time))


class Upsample(nn.Module):
    """Pixels repeated to the size of the level above, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        return self.conv(F.interpolate(x, size))


def sizes_of_maps(image_size: int, levels: int) -> list[int]:
    """The size of the maps at each level: 28 -> [28, 14, 7, 4]."""
    return [math.ceil(image_size / 2**level) for level in range(levels)]


def initialise(network: "Denoiser") -> None:
    """Glorot's uniform weights, biases 0; weights 0 in layers that add to a shortcut, and at the output."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.conv2.weight)
        elif isinstance(module, Attention | Denoiser):
            nn.init.zeros_(module.output.weight)


class Denoiser(nn.Module):
    """Noisy images (N, C, H, W) and times (N,) -> the noise in them (N, C, H, W).

    multipliers: the channels of each level, as multiples of `width`.
    blocks: residual blocks per level on the way down; there is one more on the way up.
    attention: sizes of the maps that have attention; by default the one nearest to 16.
    """

    def __init__(
        self,
        in_channels: int = 3,
        image_size: int = 32,
        width: int = 128,
        multipliers: Sequence[int] = (1, 2, 2, 2),
        blocks: int = 2,
        attention: Sequence[int] | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        sizes = sizes_of_maps(image_size, len(multipliers))
        if attention is None:
            attention = [min(sizes, key=lambda size: abs(size - 16))]
        if width % 4:
            raise ValueError(f"The width of Denoiser must be a multiple of 4, not {width}.")
        if not set(attention) <= set(sizes):
            raise ValueError(f"Denoiser has maps of {sizes}, so it can't have attention at {list(attention)}.")

        def block(before: int, after: int, size: int) -> Block:
            return Block(before, after, 4 * width, dropout, size in attention)

        self.time = TimeEmbedding(width)
        self.input = nn.Conv2d(in_channels, width, 3, padding=1)

        self.down = nn.ModuleList()
        channels, skipped = width, [width]
        for level, (multiplier, size) in enumerate(zip(multipliers, sizes, strict=True)):
            for _ in range(blocks):
                self.down.append(block(channels, width * multiplier, size))
                channels = width * multiplier
                skipped.append(channels)
            if level < len(sizes) - 1:
                self.down.append(nn.Conv2d(channels, channels, 3, stride=2, padding=1))
                skipped.append(channels)

        self.middle1 = Block(channels, channels, 4 * width, dropout, attends=True)
        self.middle2 = Block(channels, channels, 4 * width, dropout, attends=False)

        self.up = nn.ModuleList()
        for level, (multiplier, size) in reversed(list(enumerate(zip(multipliers, sizes, strict=True)))):
            for _ in range(blocks + 1):
                self.up.append(block(channels + skipped.pop(), width * multiplier, size))
                channels = width * multiplier
            if level > 0:
                self.up.append(Upsample(channels))

        self.norm = norm(channels)
        self.output = nn.Conv2d(channels, in_channels, 3, padding=1)
        initialise(self)

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        time = self.time(t)  # (N, 4 width)
        x = self.input(x_t)
        skips = [x]
        for layer in self.down:
            x = layer(x, time) if isinstance(layer, Block) else layer(x)
            skips.append(x)
        x = self.middle2(self.middle1(x, time), time)
        for layer in self.up:
            if isinstance(layer, Upsample):
                x = layer(x, skips[-1].shape[2:])
            else:
                x = layer(torch.cat([x, skips.pop()], dim=1), time)
        return self.output(F.silu(self.norm(x)))  # (N, C, H, W)
