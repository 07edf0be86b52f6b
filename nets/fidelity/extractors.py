"""Feature extractors for fidelity: Inception v3, and a classifier that was trained on the same data set (in-domain)."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor

from nets.data.batches import PixelRange, at_once
from nets.data.prepared import read_info
from nets.data.weights import WeightsFile
from nets.files import read_json, read_verified
from nets.run import Run, chosen_weights
from nets.tasks.networks import build_network
from nets.tasks.precision import Precision, forked
from nets.tasks.transfer import last_linear
from nets.trust import inside


class Features(NamedTuple):
    """What an extractor computes for N images: features (N, D) and class logits (N, K), float32 on its device."""

    features: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Extractor:
    """A function from images (N, C, H, W) uint8 to features and logits, and its entry in passports."""

    passport: dict[str, Any]
    function: Callable[[Tensor], tuple[Tensor, Tensor]]
    device: torch.device
    at_once: int = 250  # images

    @torch.no_grad()
    def read(self, images: Tensor) -> Features:
        """Features and logits of images (N, C, H, W) uint8 on any device."""
        with Precision().autocast(self.device):
            parts = [self.function(part.to(self.device)) for part in images.split(self.at_once)]
        return Features(*(torch.cat([p.float() for p in kind]) for kind in zip(*parts, strict=True)))


def load_extractor(source: Path, data_dir: Path, device: torch.device, inception: str = "") -> Extractor:
    """The extractor of a manifest.json or of a note of fetched weights; does not change the caller's random state.

    `inception` is the SHA-256 of its weights in weights.yaml, with which a note is compared.
    """
    with forked(device):  # networks are built with random weights
        if source.name == "manifest.json":
            return load_indomain(source.parent, data_dir, device)
        return load_inception(WeightsFile.read(source, inception), device)


def load_indomain(run_dir: Path, data_dir: Path, device: torch.device) -> Extractor:
    """A classifier that this workflow trained on the same data set; the features are the input of its last layer."""
    run = Run.load(run_dir)
    manifest = read_json(run_dir / "manifest.json")
    weights = chosen_weights(manifest)
    content = read_verified(inside(run_dir, weights["file"]), weights["sha256"], "delete it and train again")
    info = read_info(data_dir)
    channels, height, _ = run.shape
    facts = {"in_channels": channels, "image_size": height, "num_classes": run.num_classes}
    described = run.networks["classifier"]
    network = build_network(described.path, described.args, facts, described.builder)
    state = load(content)
    network.load_state_dict({name.removeprefix("classifier."): value for name, value in state.items()})
    network.to(device).eval()
    pixels, head = PixelRange(tuple(info["mean"]), tuple(info["std"])), last_linear(network)
    seen: list[Tensor] = []
    head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(1)))

    def function(images: Tensor) -> tuple[Tensor, Tensor]:
        seen.clear()
        logits = network(pixels.apply(images.float() / 255))
        return seen[0], logits

    passport = {
        "name": "indomain",
        "network": f"{run.title} trained on {run.dataset}",
        "run": run.name,
        "layer": "input of the last linear layer",
        "features": head.in_features,
        "weights_sha256": weights["sha256"],
        "number_type": Precision().name(device),
    }
    return Extractor(passport, function, device, at_once(250, device))


def load_inception(weights: WeightsFile, device: torch.device) -> Extractor:
    """The Inception v3 that defines FID: torch-fidelity's port of the weights of December 2015."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # torch-fidelity unpickles whatever it gets, so it gets a pickle that holds nothing but tensors.
    plain = io.BytesIO()
    torch.save(dict(weights.tensors()), plain)
    plain.seek(0)
    layers = ["2048", "logits_unbiased"]  # features, and the classes of the Inception Score
    network = FeatureExtractorInceptionV3("inception", layers, feature_extractor_weights_path=plain).to(device)
    passport = {
        "name": "inception",
        "network": "Inception v3 (torch-fidelity, 2015-12-05)",
        "layer": "2048",
        "features": 2048,
        "weights_sha256": weights.sha256,
        "number_type": Precision().name(device),
    }
    return Extractor(passport, lambda images: network(images.expand(-1, 3, -1, -1)), device)
