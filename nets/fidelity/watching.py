"""Fidelity while a network learns: FID of a few samples against validation images, since test data are not read yet."""

import json
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from nets.fidelity.extractors import Extractor
from nets.metrics.distances import Gaussian, frechet


class WatchingExtractor(NamedTuple):
    """The classifier in whose features samples are measured while a run learns to draw them."""

    manifest: Path
    weights_sha256: str


def find_watching(manifest: Path | None) -> WatchingExtractor | None:
    """The extractor of a manifest; None without one, or where it is a hole."""
    if manifest is None:
        return None
    content = json.loads(manifest.read_text())
    return WatchingExtractor(manifest, content["weights"]["best"]["sha256"]) if content["status"] == "ok" else None


class Judge:
    """From samples (N, C, H, W) uint8 to `fid_<extractor>`. The number is for its curve: few samples raise it."""

    def __init__(self, extractor: Extractor, validation: Tensor):
        """`validation`: images (M, C, H, W) uint8; read once."""
        self.extractor, self.real = extractor, Gaussian.of(extractor.read(validation).features)

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> dict[str, float]:
        generated = Gaussian.of(self.extractor.read(samples).features)
        return {f"fid_{self.extractor.passport['name']}": frechet(self.real, generated)}
