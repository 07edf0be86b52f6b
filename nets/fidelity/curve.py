"""Fidelity during training: FID of a few samples against validation images, because training never reads test data."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from nets.fidelity.extractors import Extractor
from nets.files import read_json
from nets.metrics.distances import Gaussian, frechet
from nets.run import chosen_weights


class WatchingExtractor(NamedTuple):
    """The classifier in whose features samples are measured during training."""

    manifest: Path
    weights_sha256: str


def find_watching(manifest: Path | None) -> WatchingExtractor | None:
    """The extractor of a manifest; None without one, or if its run is a hole, that is, has no weights."""
    if manifest is None:
        return None
    content = read_json(manifest)
    return WatchingExtractor(manifest, chosen_weights(content)["sha256"]) if content["status"] == "ok" else None


class Judge:
    """Computes `fid_<extractor>` of samples (N, C, H, W) uint8. Only its curve counts: few samples make it too high."""

    def __init__(self, extractor: Extractor, validation: Tensor):
        """`validation`: images (M, C, H, W) uint8."""
        self.extractor, self.real = extractor, Gaussian.of(extractor.read(validation).features)

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> dict[str, float]:
        generated = Gaussian.of(self.extractor.read(samples).features)
        return {f"fid_{self.extractor.passport['name']}": frechet(self.real, generated)}
