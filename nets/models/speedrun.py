"""The network of the speed records on CIFAR-10.

Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498, 2024; code: airbench94 in
github.com/KellerJordan/cifar10-airbench. At full width, 32 pixels and 10 classes it has 1,972,792 numbers:
1,971,352 parameters, 288 weights of the first layer and 1,152 scales of batch norm, which do not learn.

The first layer whitens patches of 2 x 2 pixels: its filters are the eigenvectors of the covariance of patches of
training images, each divided by its standard deviation, and once more with the opposite sign. Only its bias learns.
Then come three groups of two 3 x 3 convolutions, of which the first is pooled; 32 pixels become 31, 15, 7, 3 and 1.

The source multiplies the logits by 1/9. Here the input of the last layer is multiplied, which is the same, because that
layer has no bias.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATCH = 2  # side of the first layer's filters
LEAST_VARIANCE = 5e-4  # added to the variance of each direction, so that noise is not blown up
SCALE = 1 / 9


class Whitening(nn.Module):
    """A convolution whose filters are not learned but computed from images."""

    weight: Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        directions = in_channels * PATCH**2
        filters = torch.empty(2 * directions, in_channels, PATCH, PATCH)
        self.register_buffer("weight", nn.init.kaiming_uniform_(filters, a=5**0.5))
        self.bias = nn.Parameter(torch.zeros(2 * directions))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias)

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Compute the filters from images (N, C, H, W); in float64 on the CPU, so that they are the same everywhere."""
        size = self.weight[0].numel()
        covariance, count = torch.zeros(size, size, dtype=torch.float64), 0
        for some in images.split(500):
            patches = F.unfold(some.cpu().double(), PATCH).transpose(0, 1).flatten(1)  # (C * 2 * 2, patches)
            covariance += patches @ patches.T
            count += patches.shape[1]
        variances, directions = torch.linalg.eigh(covariance / count)
        filters = (directions / (variances + LEAST_VARIANCE).sqrt()).T.flip(0)  # the largest variance first
        self.weight.copy_(torch.cat([filters, -filters]).view_as(self.weight))


class ShiftNorm(nn.BatchNorm2d):
    """Batch norm whose scales stay 1; its statistics are averages over few steps."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12, momentum=0.4)
        del self.weight
        self.register_buffer("weight", torch.ones(channels))


class Group(nn.Module):
    """Two convolutions; the first is pooled."""

    def __init__(self, in_channels: int, channels: int, copies: bool = True) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, channels, copies)
        self.norm1 = ShiftNorm(channels)
        self.conv2 = convolution(channels, channels, copies)
        self.norm2 = ShiftNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


def convolution(in_channels: int, channels: int, copies: bool) -> nn.Conv2d:
    """A convolution whose first filters copy its input, if `copies`; the others begin as PyTorch's."""
    layer = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
    if copies:
        nn.init.dirac_(layer.weight.data[:in_channels])
    return layer


class Speedrun(nn.Module):
    """airbench94's network, for images of 9 pixels or more; `width` multiplies its 64, 256 and 256 channels.

    Two of its tricks can be left out: without `whitening`, the first layer is an ordinary convolution that learns;
    without `copies`, all filters begin as PyTorch's.
    """

    def __init__(
        self, in_channels: int, num_classes: int, width: float = 1.0, whitening: bool = True, copies: bool = True
    ) -> None:
        super().__init__()
        first, second = (max(8, round(channels * width)) for channels in (64, 256))
        filters = 2 * in_channels * PATCH**2
        self.whitening = Whitening(in_channels) if whitening else nn.Conv2d(in_channels, filters, PATCH)
        self.groups = nn.Sequential(
            Group(filters, first, copies), Group(first, second, copies), Group(second, second, copies)
        )
        self.classifier = nn.Linear(second, num_classes, bias=False)

    def initialise_from(self, images: Tensor) -> None:
        """Whiten: compute the first layer's filters from training images (N, C, H, W) before the first step."""
        if isinstance(self.whitening, Whitening):
            self.whitening.fit(images)

    def forward(self, x: Tensor) -> Tensor:
        x = self.groups(F.gelu(self.whitening(x)))
        return self.classifier(F.max_pool2d(x, list(x.shape[2:])).flatten(1) * SCALE)
