"""Average pooling to a given size, with a gradient that is deterministic on CUDA."""

import torch
from torch import Tensor, nn


class AveragePool(nn.Module):
    """Maps (N, C, H, W) -> (N, C, side, side), like nn.AdaptiveAvgPool2d, whose gradient is not deterministic on CUDA.

    The same windows are matrices here: rows @ map @ columns. Maps that already have the size pass unchanged.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if height == width == self.side:
            return x
        return self.windows(x, height) @ x @ self.windows(x, width).T

    def windows(self, x: Tensor, size: int) -> Tensor:
        """(side, size): each row averages one window, from floor(i size / side) to ceil((i + 1) size / side)."""
        places, steps = torch.arange(size, device=x.device), torch.arange(self.side, device=x.device)[:, None]
        inside = (places >= steps * size // self.side) & (places < -(-(steps + 1) * size // self.side))
        return inside.to(x.dtype) / inside.sum(1, keepdim=True)
