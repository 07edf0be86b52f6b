"""The noise from which generators draw: paths between two draws."""

import torch
from torch import Tensor


def interpolate(starts: Tensor, ends: Tensor, count: int) -> Tensor:
    """Points (N * count, ...) on the great circles from starts (N, ...) to ends (N, ...), both included.

    Straight lines would leave the shell where almost all normal noise lies (White, "Sampling Generative Networks",
    2016). Where both ends have the same direction, the path is the straight line.
    """
    first, last = starts.flatten(1), ends.flatten(1)
    angle = torch.cosine_similarity(first, last).clamp(-1, 1).acos()[:, None, None]
    share = torch.linspace(0, 1, count, device=starts.device)[None, :, None]
    curved = torch.sin((1 - share) * angle) * first[:, None] + torch.sin(share * angle) * last[:, None]
    straight = (1 - share) * first[:, None] + share * last[:, None]
    points = torch.where(angle.sin() > 1e-4, curved / angle.sin().clamp(min=1e-4), straight)
    return points.flatten(0, 1).unflatten(1, starts.shape[1:])
