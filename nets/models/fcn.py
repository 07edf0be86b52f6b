"""FCN: fully convolutional networks, a class for every pixel.

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015.

A VGG whose dense layers have become convolutions scores its last maps, which are 32 times smaller
than the image. FCN-32s enlarges these scores in one step. FCN-16s doubles them and adds scores of the
maps before the last pool; FCN-8s does this once more, one pool earlier. Doubling is learned from a
bilinear start, the last enlargement is bilinear and fixed (section 4.3); scores start at 0.

                 channels of the five stages  convolutions  head              parameters, 21 classes
    here         32 64 128 256 256            1 1 2 2 2     3 x 3 x 512       3.8 million
    paper's      64 128 256 512 512           2 2 3 3 3     7 x 7 x 4096      134 million

Ours is small and has batch normalisation, because it is trained from scratch (the paper's starts from
ImageNet weights). An image may have any size: pools round up, so the enlarged scores cover the image
and are cropped to it. (The paper pads the image by 100 pixels for that.)

FCN-32s suits regions larger than its cells of 32 pixels. Thin objects, such as the strokes of
`digit_scenes`, are never the most probable class of a whole cell, so it predicts ground everywhere. In
`large_digit_scenes` it finds the digits roughly.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (8, 16, 32)


def vgg_stage(before: int, after: int, convolutions: int, batch_norm: bool) -> nn.Sequential:
    """3 x 3 convolutions, and a pool that rounds up."""
    layers: list[nn.Module] = []
    for number in range(convolutions):
        layers.append(nn.Conv2d(after if number else before, after, 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True))


def bilinear_kernel(factor: int) -> Tensor:
    """The kernel (2 factor, 2 factor) with which a transposed convolution enlarges bilinearly."""
    distance = (torch.arange(2 * factor) - factor + 0.5).abs() / factor
    return torch.outer(1 - distance, 1 - distance)


class Enlarge(nn.Module):
    """(N, K, H, W) -> (N, K, factor H, factor W), bilinear and fixed."""

    kernel: Tensor

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        kernel = bilinear_kernel(factor).expand(channels, 1, -1, -1).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.kernel, None, self.factor, self.factor // 2, groups=len(self.kernel))


class Double(nn.ConvTranspose2d):
    """(N, K, H, W) -> (N, K, 2 H, 2 W), learned from a bilinear start."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, stride=2, padding=1, bias=False)
        with torch.no_grad():
            self.weight.zero_()
            for channel in range(channels):
                self.weight[channel, channel] = bilinear_kernel(2)


class FCN(nn.Module):
    """Images (N, C, H, W) of any size -> logits (N, num_classes, H, W). `stride` is 32, 16 or 8."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 21,
        stride: int = 8,
        widths: Sequence[int] = (32, 64, 128, 256, 256),
        convolutions: Sequence[int] = (1, 1, 2, 2, 2),
        head_width: int = 512,
        head_kernel: int = 3,
        batch_norm: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"The stride of FCN must be one of {STRIDES}, not {stride}.")
        channels = (in_channels, *widths)
        self.stages = nn.ModuleList(
            vgg_stage(before, after, number, batch_norm)
            for before, after, number in zip(channels[:-1], widths, convolutions, strict=True)
        )
        self.head = nn.Sequential(
            nn.Conv2d(widths[4], head_width, head_kernel, padding=head_kernel // 2),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(head_width, head_width, 1),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        skips = {32: 0, 16: 1, 8: 2}[stride]
        self.score = nn.Conv2d(head_width, num_classes, 1)
        self.skip_scores = nn.ModuleList(nn.Conv2d(widths[3 - n], num_classes, 1) for n in range(skips))
        self.doubles = nn.ModuleList(Double(num_classes) for _ in range(skips))
        self.enlarge = Enlarge(num_classes, stride)
        self._initialise()

    def _initialise(self) -> None:
        for module in (*self.stages.modules(), *self.head.modules()):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for score in (self.score, *self.skip_scores):
            nn.init.zeros_(score.weight)
            nn.init.zeros_(score.bias)

    def forward(self, x: Tensor) -> Tensor:
        image = x
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)  # (N, 32, H / 2, W / 2), ..., (N, 256, H / 32, W / 32), rounded up
        x = self.score(self.head(x))  # (N, num_classes, H / 32, W / 32)
        for double, skip_score, skip in zip(self.doubles, self.skip_scores, maps[3::-1], strict=False):
            scores = skip_score(skip)
            x = crop(double(x), scores) + scores  # (N, num_classes, H / 16, W / 16), then / 8
        return crop(self.enlarge(x), image)  # (N, num_classes, H, W)


def crop(x: Tensor, like: Tensor) -> Tensor:
    """The upper left part of x, with the height and width of `like`."""
    return x[:, :, : like.shape[2], : like.shape[3]]
