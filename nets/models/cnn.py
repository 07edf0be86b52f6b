"""The plain convolutional classifier of the tutorials: convolution, pool, again, linear.

Two 3 x 3 convolutions of 32 and 64 channels, each followed by a 2 x 2 max-pool, then 128 hidden
units: roughly what the first lessons of Keras and PyTorch build for MNIST. It has no paper; for
max-pooling in place of LeNet's averages, see Scherer, Mueller and Behnke, "Evaluation of Pooling
Operations in Convolutional Architectures for Object Recognition", ICANN 2010.

Each stage may have `repeats` convolutions with larger `kernel`s in their place: three of 3 x 3 see as far as
one of 7 x 7 (Simonyan and Zisserman, ICLR 2015, section 2.3).

It is the same at 28 and 32 pixels. The first linear layer grows with the image: 401,536 of the
421,642 parameters at 28 pixels (1 channel, 10 classes), 25.7 million at 224.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class CNN(nn.Module):
    """Images (N, C, H, W) of `image_size` -> logits (N, num_classes)."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 32,
        channels: Sequence[int] = (32, 64),
        hidden: int = 128,
        width: float = 1.0,
        batch_norm: bool = False,
        dropout: float = 0.5,
        kernel: int = 3,
        repeats: int = 1,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"CNN: kernel is odd, so that maps keep their size; not {kernel}.")
        side = image_size // 2 ** len(channels)
        if side < 1:
            least = 2 ** len(channels)
            raise ValueError(f"CNN takes images of {least} pixels or more, not of {image_size}.")
        layers: list[nn.Module] = []
        for maps in (max(1, round(maps * width)) for maps in channels):
            for _ in range(repeats):
                layers.append(nn.Conv2d(in_channels, maps, kernel, padding=kernel // 2))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(maps))
                layers.append(nn.ReLU(inplace=True))
                in_channels = maps
            layers.append(nn.MaxPool2d(2))
        units = max(1, round(hidden * width))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(in_channels * side**2, units),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(units, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, 64, H / 4, W / 4)
        return self.classifier(x)  # (N, num_classes)
