"""Transfer learning: a classifier starts from weights trained elsewhere; its head, the last linear layer, is new.

    feature_extraction  the backbone is frozen, in evaluation mode; the head learns from features computed once
    fine_tuning         all layers learn, the backbone at a lower rate
    evaluate_only       nothing learns

Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep neural networks?", NIPS 2014.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nets.data.batches import Batch, Batches, PixelRange
from nets.errors import UserError

LARGE = 64  # image size in pixels above which whole splits go through a network in small batches


def last_linear(network: nn.Module) -> nn.Linear:
    """The classification head: the last linear layer that was registered."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)][-1]


def load_start(networks: nn.Module, state: dict[str, Tensor], start: dict[str, Any]) -> None:
    """Load the weights of a start into networks; the head stays new unless the start keeps it. Raises UserError.

    From an autoencoder, a classifier takes the encoder.
    """
    learned = "autoencoder.encoder."
    encoder = {name.replace(learned, "classifier.encoder."): state[name] for name in state if name.startswith(learned)}
    head, own = last_linear(networks), networks.state_dict()
    state = own | encoder if encoder else state
    name = next(name for name, module in networks.named_modules() if module is head)
    if not start["keep_head"]:
        state = state | {key: own[key] for key in (f"{name}.weight", f"{name}.bias") if key in own}
    try:
        networks.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\t")[1].split())
        raise UserError(f"The weights of {start['name']} don't fit the network ({reason}); choose others.") from None


def freeze_backbone(network: nn.Module) -> None:
    """Disable gradients of all layers but the head. `step` sets evaluation mode, which keeps batch-norm statistics."""
    network.requires_grad_(False)
    last_linear(network).requires_grad_(True)


def parameter_groups(network: nn.Module, lr: float, backbone_lr: float) -> list[dict[str, Any]]:
    """Groups for an optimizer: the head at the rate `lr`, the backbone at `backbone_lr` times that."""
    head = list(last_linear(network).parameters())
    known = {id(parameter) for parameter in head}
    backbone = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [{"params": head, "lr": lr}, {"params": backbone, "lr": lr * backbone_lr}]


def adapt(images: Tensor, pixels: PixelRange, start: dict[str, Any]) -> Tensor:
    """Images (N, C, H, W) in the range `pixels`, in the form that the start's network was trained on.

    They are standardised as its images were (if the start says how), grey is repeated in each channel, and they are
    resized to its size (bilinear), because the filters of a network that learned on 224 pixels expect large objects.
    """
    channels, *size = start["shape"]
    if start["mean"]:
        wanted = PixelRange(tuple(start["mean"]), tuple(start["std"]))
        images = images if wanted == pixels else wanted.apply(pixels.restore(images).expand(-1, channels, -1, -1))
    images = images.expand(-1, channels, -1, -1)
    if list(images.shape[2:]) != size:
        images = F.interpolate(images, size, mode="bilinear", antialias=True)
    return images.contiguous(memory_format=torch.channels_last)


def features_of(network: nn.Module, forward: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    """A function from images to the input of the head of `network`, (N, D) float32, in evaluation mode."""

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        seen: list[Tensor] = []
        hook = last_linear(network).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        network.eval()
        forward(images)
        hook.remove()
        return seen[0].float()

    return features


class FeatureBatches(Batches):
    """A split whose images are replaced by features (N, D), computed once and kept on the device; no augmentation."""

    def __init__(self, data: Batches, features: Callable[[Tensor], Tensor], batch_size: int):
        self.device, self.info, self.labels, self.order = data.device, data.info, data.labels, data.order
        self.features = torch.cat([features(batch.images) for batch in data.ordered(batch_size)])
        self.row = torch.zeros(len(data.labels), dtype=torch.long)
        self.row[self.order] = torch.arange(len(self.order))

    def take(self, indices: Tensor, random: bool = False) -> Batch:
        """The features of the samples with the given indices (N,) int64 on the CPU."""
        features = self.features[self.row[indices].to(self.device)]
        return Batch(features, self.labels[indices.to(self.device)], indices)
