"""AlexNet, the network that won ImageNet in 2012.

Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NeurIPS 2012, with the channels of Krizhevsky, "One Weird Trick for Parallelizing Convolutional
Neural Networks", arXiv:1404.5997: one tower, no response normalisation. Torchvision has the same;
at 224 pixels the two networks are equal (61,100,840 parameters for 1000 classes).

Below 64 pixels, a first stride of 4 and three pools would leave nothing of the image. So the first
convolution is 5 x 5 with stride 1, and the pools pad by 1, so that both 28 and 32 pixels become 4 x 4
maps. The two hidden layers have 1024 units; 4096 would hold nine tenths of all parameters.

To compare first layers on small images, `first` gives the first convolution another kernel and stride,
such as AlexNet's 11 and 4, ZFNet's 7 and 2, VGG's 3 and 1. A stride of 2 takes the place of one pool and
a stride of 4 that of two, so the maps end at 4 x 4 alike. The `pooled` head averages each map and is a
single linear layer, as in Lin, Chen and Yan, "Network In Network", ICLR 2014.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from nets.models.pooling import AveragePool

CHANNELS = (64, 192, 384, 256, 256)


class AlexNet(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes); `image_size` < 64 chooses the small stem.

    first: kernel and stride (1, 2 or 4) of the small stem; None for 5 and 1.
    head: "linear" is the paper's three layers, "pooled" one layer on the averages of the maps.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 224,
        width: float = 1.0,
        dropout: float = 0.5,
        first: Sequence[int] | None = None,
        head: str = "linear",
    ) -> None:
        super().__init__()
        small = image_size < 64
        if first is not None and (not small or len(first) != 2 or first[0] % 2 == 0 or first[1] not in (1, 2, 4)):
            raise ValueError(
                f"AlexNet: first is an odd kernel and a stride of 1, 2 or 4, below 64 pixels; not {list(first)} at "
                f"{image_size}."
            )
        if head not in ("linear", "pooled"):
            raise ValueError(f"AlexNet: head is 'linear' or 'pooled', not {head!r}.")
        self.smallest = 8 if small else 63
        self._check(image_size)
        c1, c2, c3, c4, c5 = (max(1, round(channels * width)) for channels in CHANNELS)
        units = max(1, round((1024 if small else 4096) * width))
        side, padding = (4, 1) if small else (6, 0)
        kernel, stride = first or ((5, 1) if small else (11, 4))
        replaced = stride // 2 if small else 0  # pools whose place the stride takes

        def pool(number: int) -> nn.Module:
            if number <= replaced:
                return nn.Identity()
            return nn.MaxPool2d(kernel_size=3, stride=2, padding=padding)

        self.features = nn.Sequential(  # maps at 224 | at 32 | at 28 pixels
            nn.Conv2d(in_channels, c1, kernel, stride, padding=kernel // 2 if small else 2),  # 55 | 32 | 28
            nn.ReLU(inplace=True),
            pool(1),  # 27 | 16 | 14
            nn.Conv2d(c1, c2, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            pool(2),  # 13 | 8 | 7
            nn.Conv2d(c2, c3, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            pool(3),  # 6 | 4 | 4
        )
        self.avgpool = AveragePool(1 if head == "pooled" else side)  # with the linear head, changes nothing at these
        hidden: list[nn.Module] = [
            nn.Dropout(dropout),
            nn.Linear(c5 * side**2, units),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(units, units),
            nn.ReLU(inplace=True),
        ]
        if head == "pooled":
            hidden, units = [], c5
        self.classifier = nn.Sequential(*hidden, nn.Linear(units, num_classes))
        # He et al., 2015. The paper's N(0, 0.01) with biases of 1 and torchvision's default both
        # shrink the signal from layer to layer. With the paper's, narrow networks suffer most.
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.classifier[-1].get_parameter("weight"), std=0.01)  # begin with nearly equal logits

    def _check(self, size: int) -> None:
        if size < self.smallest:
            raise ValueError(f"This AlexNet takes images of {self.smallest} pixels or more, not of {size}.")

    def forward(self, x: Tensor) -> Tensor:
        self._check(min(x.shape[-2:]))
        x = self.features(x)  # (N, 256, 6, 6), or 4 x 4 below 64 pixels
        x = self.avgpool(x).flatten(1)
        return self.classifier(x)  # (N, num_classes)
