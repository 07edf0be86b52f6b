"""Trained networks for use outside the workflow: `nets.load`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from nets.errors import UserError
from nets.files import read_json, verify
from nets.run import Run, chosen_weights
from nets.tasks import task_class
from nets.tasks.precision import forked
from nets.training.outputs import AGAIN, SavedWeights, described, read_weights


class Trained:
    """The networks of a run with its weights, and what is done to images before and after them.

    `run` is the run's description, `networks` the networks by role, `classes` the names of the classes if they have
    some. All is in evaluation mode, and nothing computes gradients.
    """

    def __init__(self, run: Run, data: dict[str, Any], weights: dict[str, Tensor], device: torch.device):
        """`data` holds `mean` and `std` of the training images, by channel, for pixels in 0..1."""
        kind = task_class(run)
        with forked(device):  # networks are built with random weights
            self._task = kind(run, kind.pixel_range(data), device)
        self._task.networks.load_state_dict(weights)
        self._task.networks.eval()
        self.run, self.device = run, device

    def __repr__(self) -> str:
        return f"<{self.run.title} of {self.run.name}>"

    @property
    def networks(self) -> nn.ModuleDict:
        """The networks by role, such as "classifier"."""
        return self._task.networks

    @property
    def classes(self) -> list[str] | None:
        """The names of the data set's classes; None if they have no names."""
        names = self.run.data["classes"]
        return [str(name) for name in names] if isinstance(names, list) else None

    @torch.no_grad()
    def __call__(self, images: Tensor | np.ndarray) -> Tensor:
        """What the networks make of images (N, C, H, W), or of one (C, H, W), uint8; on the CPU.

        A classifier: probabilities (N, K). A segmenter: the class of every pixel (N, H, W), int64. An autoencoder:
        reconstructions (N, C, H, W), uint8. Raises UserError for images of another shape or type than those of the
        data set, and for generators, which take none.
        """
        pixels = torch.as_tensor(images)
        one = pixels.ndim == 3
        pixels = pixels[None] if one else pixels
        if pixels.dtype != torch.uint8 or tuple(pixels.shape[1:]) != self.run.shape:
            given = f"{tuple(pixels.shape)} {str(pixels.dtype).removeprefix('torch.')}"
            shape = ", ".join(map(str, self.run.shape))
            raise UserError(f"{self.run.name} takes images (N, {shape}) uint8, and these are {given}; convert them.")
        answers = [self._answer(part) for part in pixels.split(self._task.measured_at_once)] or [self._answer(pixels)]
        return torch.cat(answers)[0] if one else torch.cat(answers)

    def _answer(self, pixels: Tensor) -> Tensor:
        images = self._task.pixels.apply(pixels.to(self.device).float() / 255)
        return self._task.answer(images.contiguous(memory_format=torch.channels_last)).cpu()

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0) -> Tensor:
        """Images (count, C, H, W) uint8 that a generator or VAE draws, on the CPU; the same for the same seed.

        Raises UserError for networks that draw none, and for a count below 1.
        """
        if not isinstance(count, int) or count < 1:
            raise UserError(f"{count} is no number of images; give a whole number from 1.")
        if not (sample := getattr(self._task, "sample", None)):
            raise UserError(f"{self.run.name} draws no images; take a GAN, a diffusion model or a VAE.")
        return sample(count, seed).cpu()


def open_trained(path: Path, device: str) -> Trained:
    """See `nets.load`."""
    if path.is_dir():
        content = chosen_content(path)
    elif path.suffix == ".safetensors" and path.is_file():
        content = file_content(path)
    else:
        raise UserError(
            f"{path} is neither the folder of a run nor its file of weights (.safetensors); check the path."
        )
    try:
        about = described(content)
        weights = load(content)
    except (KeyError, ValueError, TypeError, SafetensorError):
        raise UserError(f"{path} does not say which network its weights are for; train it again.") from None
    return Trained(Run.from_json(json.dumps(about["run"])), about["data"], weights, torch.device(device))


def chosen_content(folder: Path) -> bytes:
    """The verified file of the weights of a run that were best on validation data, or else its last."""
    if not (folder / "manifest.json").exists():
        raise UserError(f"{folder} is not the folder of a run; name one, such as results/quick/runs/lenet5-mnist5k-s0.")
    manifest = read_json(folder / "manifest.json", AGAIN)
    if manifest.get("status") != "ok":
        raise UserError(f"{folder} has no result: {manifest.get('reason')}")
    return read_weights(folder, SavedWeights(**chosen_weights(manifest)))


def file_content(path: Path) -> bytes:
    """A file of weights; verified if the manifest beside it names it. Elsewhere, nothing tells if it is damaged."""
    content, manifest = path.read_bytes(), path.with_name("manifest.json")
    for saved in read_json(manifest, AGAIN).get("weights", {}).values() if manifest.exists() else ():
        if saved["file"] == path.name:
            verify(content, saved["sha256"], AGAIN, str(path))
    return content
