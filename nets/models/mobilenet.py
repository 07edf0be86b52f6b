"""MobileNets: convolutions split into one per channel and one per pixel.

V1: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", arXiv:1704.04861, table 1 (4.2 million parameters for 1000 classes). Its last
depthwise convolution has stride 1; the 2 printed in the table contradicts the sizes beside it.
V2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2. At
224 pixels it is torchvision's network (3,504,872 parameters for 1000 classes).

Below 64 pixels, five strides of 2 would leave a single pixel for the last layers. So the first two
are 1, and both 28 and 32 pixels end as 4 x 4 maps.

`width` is the papers' multiplier alpha. Channels are multiples of 8, as in the authors' code.
"""

from torch import Tensor, nn

V1_LAYERS = (  # channels, stride of the depthwise convolution, its stride below 64 pixels
    (64, 1, 1),
    (128, 2, 1), (128, 1, 1),
    (256, 2, 2), (256, 1, 1),
    (512, 2, 2), (512, 1, 1), (512, 1, 1), (512, 1, 1), (512, 1, 1), (512, 1, 1),
    (1024, 2, 2), (1024, 1, 1),
)  # fmt: skip

V2_STAGES = (  # expansion t, channels c, blocks n, stride s of the first, its stride below 64 pixels
    (1, 16, 1, 1, 1),
    (6, 24, 2, 2, 1),
    (6, 32, 3, 2, 2),
    (6, 64, 4, 2, 2),
    (6, 96, 3, 1, 1),
    (6, 160, 3, 2, 2),
    (6, 320, 1, 1, 1),
)


def scaled(channels: int, width: float) -> int:
    """The multiple of 8 nearest to channels * width, but at least 90 % of it and at least 8."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def conv_bn(
    in_channels: int,
    channels: int,
    kernel: int,
    activation: type[nn.Module],
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        activation(inplace=True),
    )


def initialise(network: nn.Module) -> None:
    """Like torchvision: He et al., 2015, by fan-out; N(0, 0.01) for the classifier."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


class MobileNetV1(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes); `image_size` below 64 chooses the strides."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if image_size < 8:
            raise ValueError(f"MobileNetV1 takes images of 8 pixels or more, not of {image_size}.")
        small = image_size < 64
        channels = scaled(32, width)
        layers = [conv_bn(in_channels, channels, 3, nn.ReLU, stride=1 if small else 2)]
        for size, stride, stride_small in V1_LAYERS:
            out_channels = scaled(size, width)
            depthwise_stride = stride_small if small else stride
            layers += [
                conv_bn(channels, channels, 3, nn.ReLU, depthwise_stride, groups=channels),
                conv_bn(channels, out_channels, 1, nn.ReLU),
            ]
            channels = out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, 1024, H / 32, W / 32), or H / 8, W / 8 below 64 pixels
        x = self.avgpool(x).flatten(1)  # (N, 1024)
        return self.classifier(x)  # (N, num_classes)


class InvertedResidual(nn.Module):
    """Thin, wide, thin: 1 x 1 to `expansion` times the channels, 3 x 3 depthwise, 1 x 1 back.

    There is no activation after the last one (the linear bottleneck), and a shortcut if shapes agree.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_bn(in_channels, wide, 1, nn.ReLU6))
        layers += [
            conv_bn(wide, wide, 3, nn.ReLU6, stride, groups=wide),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        ]
        self.conv = nn.Sequential(*layers)
        self.has_shortcut = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.has_shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes); `image_size` below 64 chooses the strides."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if image_size < 8:
            raise ValueError(f"MobileNetV2 takes images of 8 pixels or more, not of {image_size}.")
        small = image_size < 64
        channels = scaled(32, width)
        layers: list[nn.Module] = [conv_bn(in_channels, channels, 3, nn.ReLU6, stride=1 if small else 2)]
        for expansion, size, blocks, stride, stride_small in V2_STAGES:
            out_channels = scaled(size, width)
            first_stride = stride_small if small else stride
            for block_stride in (first_stride, *[1] * (blocks - 1)):
                layers.append(InvertedResidual(channels, out_channels, block_stride, expansion))
                channels = out_channels
        # The paper's section 4: multipliers below 1 do not apply to the last convolution.
        last_channels = scaled(1280, max(1.0, width))
        layers.append(conv_bn(channels, last_channels, 1, nn.ReLU6))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last_channels, num_classes))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, 1280, H / 32, W / 32), or H / 8, W / 8 below 64 pixels
        x = self.avgpool(x).flatten(1)  # (N, 1280)
        return self.classifier(x)  # (N, num_classes)
