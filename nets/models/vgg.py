"""VGG: depth by 3 x 3 convolutions alone.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR
2015, table 1. Batch normalisation (Ioffe and Szegedy, 2015) came later and is an option. At 224
pixels it is torchvision's network (VGG-16: 138,357,544 parameters for 1000 classes).

Below 64 pixels, five pools leave a single pixel with 512 channels, so the two hidden layers have 512
units instead of 4096. The pools round up, because 28 pixels would otherwise shrink to nothing.

The `pooled` head averages each map and is a single linear layer, as in Lin, Chen and Yan, "Network In
Network", ICLR 2014; at 224 pixels, nine tenths of the parameters go with the hidden layers.
"""

from torch import Tensor, nn

from nets.models.pooling import AveragePool

# Channels of the convolutions of the five stages, each of which ends with a pool.
STAGES = {
    11: ((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2),  # the paper's A
    13: ((64,) * 2, (128,) * 2, (256,) * 2, (512,) * 2, (512,) * 2),  # B
    16: ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),  # D
    19: ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),  # E
}


class VGG(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes); `image_size` < 64 chooses the small head.

    head: "linear" is the paper's three layers, "pooled" one layer on the averages of the maps.
    initialisation: "kaiming"; or "small", N(0, 0.01) everywhere, as in AlexNet's paper.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        depth: int = 16,
        width: float = 1.0,
        batch_norm: bool = False,
        dropout: float = 0.5,
        head: str = "linear",
        initialisation: str = "kaiming",
    ) -> None:
        super().__init__()
        if depth not in STAGES:
            raise ValueError(f"VGG has a depth of {sorted(STAGES)}, not of {depth}.")
        if head not in ("linear", "pooled"):
            raise ValueError(f"VGG: head is 'linear' or 'pooled', not {head!r}.")
        if initialisation not in ("kaiming", "small"):
            raise ValueError(f"VGG: initialisation is 'kaiming' or 'small', not {initialisation!r}.")
        small = image_size < 64
        self.smallest = 8 if small else 32
        self._check(image_size)
        layers: list[nn.Module] = []
        for stage in STAGES[depth]:
            for channels in (max(1, round(channels * width)) for channels in stage):
                layers.append(nn.Conv2d(in_channels, channels, kernel_size=3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(channels))
                layers.append(nn.ReLU(inplace=True))
                in_channels = channels
            layers.append(nn.MaxPool2d(2, ceil_mode=small))
        units = max(1, round((512 if small else 4096) * width))
        side = 1 if small or head == "pooled" else 7
        self.features = nn.Sequential(*layers)
        self.avgpool = AveragePool(side)  # with the linear head, changes nothing at 28, 32 and 224 pixels
        hidden: list[nn.Module] = [
            nn.Linear(in_channels * side**2, units),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(units, units),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        ]
        if head == "pooled":
            hidden, units = [], in_channels
        self.classifier = nn.Sequential(*hidden, nn.Linear(units, num_classes))
        # He et al., 2015, section 2.2: otherwise deep networks without batch norm do not start to
        # learn. Torchvision's N(0, 0.01) for all linear layers is too small if they are narrow.
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                if initialisation == "kaiming":
                    nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                else:
                    nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.classifier[-1].get_parameter("weight"), std=0.01)  # begin with nearly equal logits

    def _check(self, size: int) -> None:
        if size < self.smallest:
            raise ValueError(f"This VGG takes images of {self.smallest} pixels or more, not of {size}.")

    def forward(self, x: Tensor) -> Tensor:
        self._check(min(x.shape[-2:]))
        x = self.features(x)  # (N, 512, H / 32, W / 32)
        x = self.avgpool(x).flatten(1)  # (N, 512 * 7 * 7), or (N, 512) below 64 pixels
        return self.classifier(x)  # (N, num_classes)
