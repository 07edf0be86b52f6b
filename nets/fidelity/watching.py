"""Fidelity while a network learns: FID of a few samples against validation images, since test data are not read yet."""

import torch
from torch import Tensor

from nets.fidelity.extractors import Extractor
from nets.metrics.distances import Gaussian, frechet


class Judge:
    """From samples (N, C, H, W) uint8 to `fid_<extractor>`. The number is for its curve: few samples raise it."""

    def __init__(self, extractor: Extractor, validation: Tensor):
        """`validation`: images (M, C, H, W) uint8; read once."""
        self.extractor, self.real = extractor, Gaussian.of(extractor.read(validation).features)

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> dict[str, float]:
        generated = Gaussian.of(self.extractor.read(samples).features)
        return {f"fid_{self.extractor.passport['name']}": frechet(self.real, generated)}
