"""Softmax regression and the multilayer perceptron: what convolutions are measured against.

Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990, for the
softmax. Rumelhart, Hinton and Williams, "Learning Representations by Back-propagating Errors",
Nature 323, 1986, for the perceptron with hidden layers. The default of 300 and 100 units is from
LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, section III.C.

An image is one vector, so only its length differs between 28 and 32 pixels.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class Softmax(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes), linear in the pixels.

    The softmax itself belongs to the loss, as in every network here.
    """

    def __init__(self, in_channels: int = 3, num_classes: int = 1000, image_size: int = 32) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels * image_size**2, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1))


class MLP(nn.Module):
    """Images (N, C, H, W) -> logits (N, num_classes) through fully connected hidden layers."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 32,
        hidden: Sequence[int] = (300, 100),
        width: float = 1.0,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        features = in_channels * image_size**2
        for units in (max(1, round(units * width)) for units in hidden):
            layers.append(nn.Linear(features, units))
            if batch_norm:
                layers.append(nn.BatchNorm1d(units))
            layers += [nn.ReLU(inplace=True), nn.Dropout(dropout)]
            features = units
        self.hidden = nn.Sequential(*layers)
        self.fc = nn.Linear(features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.hidden(x))
