"""U-Net: the way down recognises what there is, the way up locates it.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015. With one channel and two classes it has 31,030,658 parameters.

    padding   572 x 572 pixels become
    "valid"   388 x 388, as in the paper: unpadded convolutions, whose maps are cropped before they
              are joined. The image is extended by its mirror image as needed (figure 2).
    "same"    572 x 572, usual today: padded convolutions, and pools that round up.

Either way the image may have any size, and the logits have the same. For 28 pixels the valid form
computes 212 x 212, so small images need the other form, or less `depth`. The paper has no batch
normalisation; dropout is at the end of the way down.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEEPEST = 12  # levels: 4,096 pixels to one


def two_convolutions(before: int, after: int, padding: str, batch_norm: bool) -> nn.Sequential:
    """Two 3 x 3 convolutions with ReLU; without padding, height and width shrink by 4 pixels."""
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers.append(nn.Conv2d(channels, after, 3, padding=1 if padding == "same" else 0))
        if batch_norm:
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def mirrored(size: int, before: int, after: int) -> Tensor:
    """Indices (before + size + after,) that extend 0..size-1 by reflection at both ends, by any length."""
    period = max(1, 2 * (size - 1))
    folded = torch.arange(-before, size + after).remainder(period)
    return torch.minimum(folded, period - folded)


def centre(x: Tensor, like: Tensor) -> Tensor:
    """The middle of x, with the height and width of `like`."""
    height, width = like.shape[2:]
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]


class UNet(nn.Module):
    """Images (N, C, H, W) of any size -> logits (N, num_classes, H, W).

    width: the channels of the first level; each of the `depth` levels below it has twice as many.
    skips: whether the way up gets the maps of the way down; without them, all passes through the bottom.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 2,
        width: int = 64,
        depth: int = 4,
        padding: str = "same",
        batch_norm: bool = False,
        dropout: float = 0.5,
        skips: bool = True,
    ) -> None:
        super().__init__()
        if padding not in ("same", "valid"):
            raise ValueError(f"The padding of UNet must be 'same' or 'valid', not {padding!r}.")
        if depth > DEEPEST:
            raise ValueError(f"A UNet of {depth} levels is deeper than images are large; set {DEEPEST} or less.")
        self.depth, self.padding, self.skips = depth, padding, skips
        channels = [width * 2**level for level in range(depth + 1)]  # 64, 128, 256, 512, 1024
        ups = list(reversed(range(depth)))

        def level(before: int, after: int) -> nn.Sequential:
            return two_convolutions(before, after, padding, batch_norm)

        self.down = nn.ModuleList(level(channels[n - 1] if n else in_channels, channels[n]) for n in range(depth))
        self.bottom = nn.Sequential(level(channels[-2], channels[-1]), nn.Dropout(dropout))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(channels[n + 1], channels[n], 2, stride=2) for n in ups)
        self.up = nn.ModuleList(level(channels[n + 1] if skips else channels[n], channels[n]) for n in ups)
        self.output = nn.Conv2d(width, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if self.padding == "valid":
            rows, columns = self.tile(height).to(x.device), self.tile(width).to(x.device)
            x = x[:, :, rows][:, :, :, columns]
        return self.segment(x)[:, :, :height, :width]

    def tile(self, size: int) -> Tensor:
        """The rows (or columns) of a mirrored image that the unpadded network needs to cover `size` rows.

        With b rows at the bottom, it takes (b + 8) 2^depth - 4 rows and returns (b - 4) 2^depth + 4. So 28 rows
        correspond to 572 and 388.
        """
        scale = 2**self.depth
        bottom = math.ceil((size - 4) / scale) + 4
        before = 6 * scale - 4  # lost at each end; the paper's is 92
        return mirrored(size, before, (bottom + 8) * scale - 4 - before - size)

    def segment(self, x: Tensor) -> Tensor:
        """The network without mirroring and cropping; unpadded, its output is smaller than its input."""
        return self.ascend(*self.descend(x))

    def descend(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The maps at the bottom, and those of each level on the way down."""
        maps = []  # the sizes are those of the paper's 572 x 572 pixels
        for down in self.down:
            maps.append(down(x))  # (N, 64, 568, 568), ..., (N, 512, 64, 64)
            x = F.max_pool2d(maps[-1], 2, ceil_mode=True)  # (N, 64, 284, 284), ..., (N, 512, 32, 32)
        return self.bottom(x), maps  # (N, 1024, 28, 28)

    def ascend(self, x: Tensor, maps: list[Tensor]) -> Tensor:
        """The logits from what `descend` returned; without skips, only the sizes of the levels' maps matter."""
        for enlarge, up, skip in zip(self.enlarge, self.up, reversed(maps), strict=True):
            x = enlarge(x)  # (N, 512, 56, 56), ..., (N, 64, 392, 392)
            if self.padding == "valid":
                skip = centre(skip, like=x)
            else:
                x = x[:, :, : skip.shape[2], : skip.shape[3]]  # one pixel less if the pool rounded up
            x = up(torch.cat([skip, x], dim=1) if self.skips else x)  # (N, 512, 52, 52), ..., (N, 64, 388, 388)
        return self.output(x)  # (N, num_classes, 388, 388)


class UNetAutoencoder(UNet):
    """A U-Net that draws its own input: (N, C, H, W) in 0..1 -> code (N, latent_dim) -> logits (N, C, H, W).

    The code is all that reaches the decoder: the `bottleneck` numbers of the bottom, and with `skips` the maps of every
    level after them, which together have more numbers than the image. With so few channels, ReLU turned all of them off
    in the last level in a run without batch normalisation.
    """

    linear = False

    def __init__(
        self, in_channels: int = 1, image_size: int = 28, width: int = 2, depth: int = 3, skips: bool = True
    ) -> None:
        super().__init__(in_channels, in_channels, width, depth, batch_norm=True, dropout=0.0, skips=skips)
        sides = [image_size]
        for _ in range(depth):
            sides.append((sides[-1] + 1) // 2)
        self.shapes = [(width * 2**level, side, side) for level, side in enumerate(sides)]
        sizes = [math.prod(shape) for shape in self.shapes]
        self.bottleneck = sizes[-1]
        self.latent_dim = sum(sizes) if skips else self.bottleneck

    def encode(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) -> codes (N, latent_dim)."""
        bottom, maps = self.descend(x)
        return torch.cat([part.flatten(1) for part in (bottom, *(maps if self.skips else ()))], dim=1)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, latent_dim) -> logits (N, C, H, W), before the sigmoid."""
        *shapes, lowest = self.shapes
        sizes = [math.prod(shape) for shape in shapes]
        bottom, *parts = z.split([self.bottleneck, *(sizes if self.skips else ())], dim=1)
        parts = parts or [z.new_zeros(len(z), size) for size in sizes]
        maps = [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]
        return self.ascend(bottom.unflatten(1, lowest), maps)

    def image(self, logits: Tensor) -> Tensor:
        """The output of `decode` -> pixels in 0..1."""
        return logits.sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
