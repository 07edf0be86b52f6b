"""ZFNet: AlexNet, revised after visualising its layers.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, figure 3.
AlexNet begins with 11 x 11 kernels and stride 4. ZFNet begins with 7 x 7 and stride 2, and has stride
2 again in the second layer. The paper states neither its number of parameters (62,357,608 for 1000
classes, by the figure) nor the constants of its contrast normalisation; here they are AlexNet's.

Below 64 pixels, as in our AlexNet: stride 1 in the first two convolutions, padded to keep the size;
pools that pad by 1 (28 and 32 pixels both become 4 x 4 maps); 1024 hidden units.
"""

from torch import Tensor, nn

from nets.models.pooling import AveragePool

CHANNELS = (96, 256, 384, 384, 256)


class ContrastNorm(nn.LocalResponseNorm):
    """Response normalisation across channels, on maps flattened to (N, C, H W).

    For (N, C, H, W) torch pools in three dimensions, whose gradient is not deterministic on CUDA.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(2)).view(x.shape)


class ZFNet(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes); `image_size` < 64 chooses the small stem."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        small = image_size < 64
        self.smallest = 8 if small else 47
        self._check(image_size)
        c1, c2, c3, c4, c5 = (max(1, round(channels * width)) for channels in CHANNELS)
        units = max(1, round((1024 if small else 4096) * width))
        side = 4 if small else 6

        def pool() -> nn.Module:  # halves, rounding up
            return nn.MaxPool2d(3, stride=2, padding=1 if small else 0, ceil_mode=not small)

        def contrast() -> nn.Module:
            return ContrastNorm(size=5, alpha=1e-4, beta=0.75, k=2.0)

        stride, pad1, pad2 = (1, 3, 2) if small else (2, 1, 0)
        self.features = nn.Sequential(  # maps at 224 | at 32 | at 28 pixels
            nn.Conv2d(in_channels, c1, kernel_size=7, stride=stride, padding=pad1),  # 110 | 32 | 28
            nn.ReLU(inplace=True),
            pool(),  # 55 | 16 | 14
            contrast(),
            nn.Conv2d(c1, c2, kernel_size=5, stride=stride, padding=pad2),  # 26 | 16 | 14
            nn.ReLU(inplace=True),
            pool(),  # 13 | 8 | 7
            contrast(),
            nn.Conv2d(c2, c3, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            pool(),  # 6 | 4 | 4
        )
        self.avgpool = AveragePool(side)  # changes nothing at these sizes
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(c5 * side**2, units),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(units, units),
            nn.ReLU(inplace=True),
            nn.Linear(units, num_classes),
        )
        # He et al., 2015. The paper's N(0, 0.01) everywhere shrinks the signal in narrow networks.
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.classifier[-1].get_parameter("weight"), std=0.01)  # begin with nearly equal logits

    def _check(self, size: int) -> None:
        if size < self.smallest:
            raise ValueError(f"This ZFNet takes images of {self.smallest} pixels or more, not of {size}.")

    def forward(self, x: Tensor) -> Tensor:
        self._check(min(x.shape[-2:]))
        x = self.features(x)  # (N, 256, 6, 6), or 4 x 4 below 64 pixels
        x = self.avgpool(x).flatten(1)
        return self.classifier(x)  # (N, num_classes)
