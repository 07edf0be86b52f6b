"""AlexNet, the network that won ImageNet in 2012.

Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NeurIPS 2012, with the channels of Krizhevsky, "One Weird Trick for Parallelizing Convolutional
Neural Networks", arXiv:1404.5997: one tower, no response normalisation. Torchvision has the same;
at 224 pixels the two networks are equal (61,100,840 parameters for 1000 classes).

Below 64 pixels, a first stride of 4 and three pools would leave nothing of the image. So the first
convolution is 5 x 5 with stride 1, and the pools pad by 1, so that both 28 and 32 pixels become 4 x 4
maps. The two hidden layers have 1024 units; 4096 would hold nine tenths of all parameters.
"""

from torch import Tensor, nn

from nets.models.pooling import AveragePool

CHANNELS = (64, 192, 384, 256, 256)


class AlexNet(nn.Module):
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
        self.smallest = 8 if small else 63
        self._check(image_size)
        c1, c2, c3, c4, c5 = (max(1, round(channels * width)) for channels in CHANNELS)
        units = max(1, round((1024 if small else 4096) * width))
        side, padding = (4, 1) if small else (6, 0)
        if small:
            stem = nn.Conv2d(in_channels, c1, kernel_size=5, padding=2)
        else:
            stem = nn.Conv2d(in_channels, c1, kernel_size=11, stride=4, padding=2)
        self.features = nn.Sequential(  # maps at 224 | at 32 | at 28 pixels
            stem,  # 55 | 32 | 28
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=padding),  # 27 | 16 | 14
            nn.Conv2d(c1, c2, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=padding),  # 13 | 8 | 7
            nn.Conv2d(c2, c3, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=padding),  # 6 | 4 | 4
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
