"""Residual networks: for ImageNet (ResNet-18 to 152) and for CIFAR (ResNet-20 to 110).

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1 and
section 4.2. At 224 pixels `ResNet` is torchvision's (ResNet-50: 25,557,032 parameters for 1000
classes), whose bottleneck has its stride in the 3 x 3 convolution (the paper's: in the first 1 x 1).

Below 64 pixels, the stem of `ResNet` with stride 4 would turn 28 pixels into 7 x 7 maps for the first
stage and 1 x 1 for the last. So the stem is one 3 x 3 convolution with stride 1, and there is no pool.
`CifarResNet` is the paper's own network for 32 pixels, with three stages of 16, 32 and 64 channels,
depth 6n + 2 and shortcuts without parameters (option A); it is the same at every size. Without
shortcuts it is the paper's plain network, which has the same weights.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return F.relu(x + shortcut)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * 4)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        return F.relu(x + shortcut)


class PlainBlock(BasicBlock):
    """The same layers without a shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)))


class ZeroPadShortcut(nn.Module):
    """The paper's option A: skip pixels, and fill new channels with zeros."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = out_channels - in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


class ProjectionShortcut(nn.Sequential):
    """The paper's option B: a 1 x 1 convolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        super().__init__(conv, nn.BatchNorm2d(out_channels))


def stage(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    channels: int,
    blocks: int,
    stride: int,
    shortcut: type[ProjectionShortcut] | type[ZeroPadShortcut] = ProjectionShortcut,
) -> nn.Sequential:
    """`blocks` blocks; the first one has the stride, and a `shortcut` if the shape changes."""
    out_channels = channels * block.expansion
    reshapes = stride != 1 or in_channels != out_channels
    downsample = shortcut(in_channels, out_channels, stride) if reshapes else None
    first = block(in_channels, channels, stride, downsample)
    others = [block(out_channels, channels, 1, None) for _ in range(blocks - 1)]
    return nn.Sequential(first, *others)


def initialise(network: nn.Module) -> None:
    """He et al., 2015 (the paper's [13]), by fan-out, as in torchvision."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


LAYERS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {  # the blocks of the four stages
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes); `image_size` < 64 chooses the small stem."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        depth: int = 18,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if depth not in LAYERS:
            raise ValueError(f"ResNet has a depth of {sorted(LAYERS)}, not of {depth}.")
        if image_size < 8:
            raise ValueError(f"ResNet takes images of 8 pixels or more, not of {image_size}.")
        block, blocks = LAYERS[depth]
        c1, c2, c3, c4 = (max(1, round(channels * width)) for channels in (64, 128, 256, 512))
        if image_size < 64:
            self.conv1 = nn.Conv2d(in_channels, c1, 3, padding=1, bias=False)
            self.maxpool: nn.Module = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(in_channels, c1, 7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(c1)
        self.layer1 = stage(block, c1, c1, blocks[0], stride=1)
        self.layer2 = stage(block, c1 * block.expansion, c2, blocks[1], stride=2)
        self.layer3 = stage(block, c2 * block.expansion, c3, blocks[2], stride=2)
        self.layer4 = stage(block, c3 * block.expansion, c4, blocks[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c4 * block.expansion, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:  # maps at 224 | at 28 pixels
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 64, 112 | 28, ...)
        x = self.layer1(self.maxpool(x))  # (N, 64 expansion, 56 | 28, ...)
        x = self.layer2(x)  # (N, 128 expansion, 28 | 14, ...)
        x = self.layer3(x)  # (N, 256 expansion, 14 | 7, ...)
        x = self.layer4(x)  # (N, 512 expansion, 7 | 4, ...)
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)


class CifarResNet(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes), with `depth` 20, 32, 44, 56, 110: 6n + 2."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        depth: int = 20,
        width: float = 1.0,
        shortcuts: bool = True,
    ) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"CifarResNet has a depth of 6n + 2 (20, 32, ...), not of {depth}.")
        c1, c2, c3 = (max(1, round(channels * width)) for channels in (16, 32, 64))
        self.conv1 = nn.Conv2d(in_channels, c1, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c1)
        n, block = depth // 6, BasicBlock if shortcuts else PlainBlock
        self.layer1 = stage(block, c1, c1, n, stride=1)
        self.layer2 = stage(block, c1, c2, n, stride=2, shortcut=ZeroPadShortcut)
        self.layer3 = stage(block, c2, c3, n, stride=2, shortcut=ZeroPadShortcut)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c3, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))  # (N, 16, H, W)
        x = self.layer1(x)  # (N, 16, H, W)
        x = self.layer2(x)  # (N, 32, H / 2, W / 2)
        x = self.layer3(x)  # (N, 64, H / 4, W / 4)
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)
