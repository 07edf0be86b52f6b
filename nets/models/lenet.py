"""LeNet-5, the convolutional network that read the cheques.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998, section II.B.

The paper's network has exactly 60,000 trainable parameters up to F6 (156 + 12 + 1,516 + 32 +
48,120 + 10,164), and so does ours with one channel. The paper then compares F6 with fixed bitmaps of
the ten digits (radial basis functions). Today's usual linear layer takes their place here, with 850
more, 60,850 in all. The widespread variant is `c3="full", subsampling="average"`: 61,706.

Images: the paper puts its 28 x 28 digits on a field of 32 x 32; C1 pads images below 32 pixels to
that size. Up to 40 pixels the kernel of C5 grows with S4, so that the output of C5 is always 1 x 1.
Above 40 pixels S4 is averaged to the paper's 5 x 5. Otherwise C5 would outgrow all other layers (53 x
53 at 224 pixels, 5 million weights).

What came later, to compare with: maximum pooling (Scherer, Mueller and Behnke, ICANN 2010), the logistic
sigmoid and ReLU (Glorot, Bordes and Bengio, AISTATS 2011), and hidden layers `repeats` times in a row.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nets.models.pooling import AveragePool

# The paper's table I: which of the 6 maps of S2 each of the 16 maps of C3 sees.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class ScaledTanh(nn.Module):
    """The paper's squashing function, 1.7159 tanh(2/3 x) (its appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": ScaledTanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class Subsampling(nn.Module):
    """The mean of each 2 x 2 square, times a trainable coefficient, plus a bias: one pair per map.

    It starts as plain averaging, because random signs of the coefficients would kill maps under ReLU.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) * self.weight + self.bias


class SparseConv2d(nn.Module):
    """A convolution whose output map i sees only the input maps `table[i]`.

    Only the connections that exist are parameters: weight is (connections, kernel, kernel).
    """

    pairs: Tensor

    def __init__(self, in_channels: int, table: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        pairs = [(out, seen) for out, row in enumerate(table) for seen in row]
        self.full_shape = (len(table), in_channels, kernel, kernel)
        self.inputs_seen = [len(table[out]) for out, _ in pairs]
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel, kernel))
        self.bias = nn.Parameter(torch.empty(len(table)))
        self.register_buffer("pairs", torch.tensor(pairs).T.contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        full = self.weight.new_zeros(self.full_shape).index_put(tuple(self.pairs), self.weight)
        return F.conv2d(x, full, self.bias)


class LeNet5(nn.Module):
    """Images (N, C, H, W) of 28 pixels or more -> logits (N, num_classes).

    c3: "sparse" is the paper's table of connections, "full" connects all 6 maps with all 16.
    subsampling: "trainable" is the paper's, "average" and "max" are plain pools.
    activation: "tanh" is the paper's scaled one; or "relu", or "sigmoid".
    repeats: how often each of C1, C3, C5 and F6 comes in a row; the repeated layers keep the size of their maps.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        image_size: int = 32,
        c3: str = "sparse",
        subsampling: str = "trainable",
        activation: str = "tanh",
        repeats: int = 1,
    ) -> None:
        super().__init__()
        if image_size < 28:
            raise ValueError(f"LeNet5 takes images of 28 pixels or more, not of {image_size}.")
        for name, value, known in (
            ("c3", c3, ("sparse", "full")),
            ("subsampling", subsampling, ("trainable", "average", "max")),
            ("activation", activation, tuple(ACTIVATIONS)),
        ):
            if value not in known:
                raise ValueError(f"LeNet5: {name} is {' or '.join(map(repr, known))}, not {value!r}.")

        def subsample(channels: int) -> nn.Module:
            if subsampling == "trainable":
                return nn.Sequential(Subsampling(channels), self.squash)
            return nn.AvgPool2d(2) if subsampling == "average" else nn.MaxPool2d(2)

        def again(layer: Callable[[], nn.Module]) -> nn.Sequential:
            return nn.Sequential(*(part for _ in range(repeats - 1) for part in (layer(), self.squash)))

        self.squash = ACTIVATIONS[activation]()
        padding = max(0, math.ceil((32 - image_size) / 2))
        s2_size = (image_size + 2 * padding - 4) // 2
        s4_size = (s2_size - 4) // 2 if image_size <= 40 else 5
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5, padding=padding)
        self.s2 = subsample(6)
        self.c3 = SparseConv2d(6, C3_TABLE, 5) if c3 == "sparse" else nn.Conv2d(6, 16, 5)
        self.s4 = subsample(16)
        self.pool = AveragePool(s4_size)  # changes nothing up to 40 pixels
        self.c5 = nn.Conv2d(16, 120, kernel_size=s4_size)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.c1_again = again(lambda: nn.Conv2d(6, 6, 5, padding=2))
        self.c3_again = again(lambda: nn.Conv2d(16, 16, 5, padding=2))
        self.c5_again = again(lambda: nn.Conv2d(120, 120, 1))
        self.f6_again = again(lambda: nn.Linear(84, 84))
        self._initialise(gain=math.sqrt(2) if activation == "relu" else 1.0)

    def _initialise(self, gain: float) -> None:
        """Weights from a normal distribution with deviation gain / sqrt(fan-in), biases 0.

        LeCun et al., "Efficient BackProp", 1998, section 4.6, for this tanh; He et al., 2015, for
        ReLU. The paper's own, 2.4 / fan-in, is so small that it needs the paper's second-order method.
        """
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear, SparseConv2d)):
                inputs: int | Tensor = module.weight[0].numel()
                if isinstance(module, SparseConv2d):
                    inputs = inputs * torch.tensor(module.inputs_seen)[:, None, None]
                nn.init.normal_(module.weight)
                module.weight.data *= gain * inputs**-0.5
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:  # sizes for images of 28 or 32 pixels
        x = self.c1_again(self.squash(self.c1(x)))  # (N, 6, 28, 28)
        x = self.s2(x)  # (N, 6, 14, 14)
        x = self.c3_again(self.squash(self.c3(x)))  # (N, 16, 10, 10)
        x = self.pool(self.s4(x))  # (N, 16, 5, 5)
        x = self.c5_again(self.squash(self.c5(x))).flatten(1)  # (N, 120)
        x = self.f6_again(self.squash(self.f6(x)))  # (N, 84)
        return self.output(x)  # (N, num_classes)
