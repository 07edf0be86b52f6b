"""GoogLeNet, or Inception v1: nine modules of parallel convolutions.

Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, table 1. At 224 pixels it is
torchvision's network (13,004,888 parameters for 1000 classes, 6,624,904 without the auxiliary
heads), which adds batch normalisation and has 3 x 3 kernels where the paper has 5 x 5
(pytorch/vision#906).

Below 64 pixels, a stem of stride 8 would leave 4 x 4 maps for the nine modules. So the first
convolution is 3 x 3 with stride 1 and the first pool is left out; the modules work at 1/2, 1/4 and
1/8 of the image's size.

`reduction=False` builds the paper's naive module (figure 2a): no 1 x 1 convolutions before the larger ones and
none after the pool, so each module passes on all its input channels beside its own.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nets.models.pooling import AveragePool

INCEPTION = {  # 1x1, 3x3 reduce, 3x3, "5x5" reduce, "5x5", pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNetOutput(NamedTuple):
    """The output in training; the paper adds 0.3 times the loss of each auxiliary head."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class ConvBN(nn.Module):
    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches concatenated: (N, in_channels, H, W) -> (N, out_channels, H, W)."""

    def __init__(self, in_channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        c1, reduce3, c3, reduce5, c5, projection = sizes
        self.out_channels = c1 + c3 + c5 + projection
        self.branch1 = ConvBN(in_channels, c1, 1)
        self.branch2 = nn.Sequential(ConvBN(in_channels, reduce3, 1), ConvBN(reduce3, c3, 3))
        self.branch3 = nn.Sequential(ConvBN(in_channels, reduce5, 1), ConvBN(reduce5, c5, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvBN(in_channels, projection, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class NaiveInception(nn.Module):
    """The module without reductions: (N, in_channels, H, W) -> (N, out_channels, H, W)."""

    def __init__(self, in_channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        c1, _, c3, _, c5, _ = sizes
        self.out_channels = c1 + c3 + c5 + in_channels
        self.branch1 = ConvBN(in_channels, c1, 1)
        self.branch2 = ConvBN(in_channels, c3, 3)
        self.branch3 = ConvBN(in_channels, c5, 3)
        self.branch4 = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class AuxiliaryHead(nn.Module):
    """A classifier on intermediate maps, so that the gradient reaches the first layers."""

    def __init__(self, in_channels: int, channels: int, units: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.pool = AveragePool(4)
        self.conv = ConvBN(in_channels, channels, 1)
        self.fc1 = nn.Linear(channels * 4 * 4, units)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(units, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.pool(x)).flatten(1)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes).

    In training mode with `aux_logits` it returns a GoogLeNetOutput, three logits of this shape.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        aux_logits: bool = True,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        reduction: bool = True,
    ) -> None:
        super().__init__()
        small = image_size < 64
        self.smallest = 8 if small else 15
        self._check(image_size)

        def scaled(channels: int) -> int:
            return max(1, round(channels * width))

        def inception(name: str, in_channels: int) -> Inception | NaiveInception:
            module = Inception if reduction else NaiveInception
            return module(in_channels, tuple(scaled(size) for size in INCEPTION[name]))

        def auxiliary(channels: int) -> AuxiliaryHead:
            return AuxiliaryHead(channels, scaled(128), scaled(1024), num_classes, dropout_aux)

        def pool(kernel: int) -> nn.Module:
            return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)

        kernel, stride = (3, 1) if small else (7, 2)
        self.conv1 = ConvBN(in_channels, scaled(64), kernel, stride)
        self.maxpool1 = nn.Identity() if small else pool(3)
        self.conv2 = ConvBN(scaled(64), scaled(64), 1)
        self.conv3 = ConvBN(scaled(64), scaled(192), 3)
        self.maxpool2 = pool(3)
        self.inception3a = inception("3a", scaled(192))
        self.inception3b = inception("3b", self.inception3a.out_channels)
        self.maxpool3 = pool(3)
        self.inception4a = inception("4a", self.inception3b.out_channels)
        self.inception4b = inception("4b", self.inception4a.out_channels)
        self.inception4c = inception("4c", self.inception4b.out_channels)
        self.inception4d = inception("4d", self.inception4c.out_channels)
        self.inception4e = inception("4e", self.inception4d.out_channels)
        self.maxpool4 = pool(2)
        self.inception5a = inception("5a", self.inception4e.out_channels)
        self.inception5b = inception("5b", self.inception5a.out_channels)
        self.aux1 = auxiliary(self.inception4a.out_channels) if aux_logits else None
        self.aux2 = auxiliary(self.inception4d.out_channels) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.inception5b.out_channels, num_classes)
        # He et al., 2015. With torchvision's N(0, 0.01) and 3 x 3 kernels on a single channel, the
        # variance before the first batch norm would be close to its eps of 0.001.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def _check(self, size: int) -> None:
        if size < self.smallest:
            raise ValueError(f"This GoogLeNet takes images of {self.smallest} pixels or more, not of {size}.")

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutput:  # maps at 224 | at 28 pixels
        self._check(min(x.shape[-2:]))
        aux1, aux2 = (self.aux1, self.aux2) if self.training else (None, None)
        x = self.maxpool1(self.conv1(x))  # (N, 64, 56 | 28, ...)
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, 28 | 14, ...)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (N, 480, 14 | 7, ...)
        x = self.inception4a(x)  # (N, 512, 14 | 7, ...)
        aux_logits1 = None if aux1 is None else aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))  # (N, 528, 14 | 7, ...)
        aux_logits2 = None if aux2 is None else aux2(x)
        x = self.maxpool4(self.inception4e(x))  # (N, 832, 7 | 4, ...)
        x = self.inception5b(self.inception5a(x))  # (N, 1024, 7 | 4, ...)
        x = self.avgpool(x).flatten(1)  # (N, 1024)
        logits = self.fc(self.dropout(x))  # (N, num_classes)
        if aux_logits1 is None or aux_logits2 is None:
            return logits
        return GoogLeNetOutput(logits, aux_logits2, aux_logits1)
