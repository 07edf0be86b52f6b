"""Transfer learning: a classifier that starts from weights trained elsewhere, but for its head, the last linear layer.

    feature_extraction  the backbone stays as it is, in evaluation mode; the head learns from features computed once
    fine_tuning         everything learns, the backbone at a smaller rate
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

LARGE = 64  # pixels above which whole splits go through a network in small batches


def last_linear(network: nn.Module) -> nn.Linear:
    """The classification head: the last linear layer in the order of registration."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)][-1]


def load_start(networks: nn.Module, state: dict[str, Tensor], start: dict[str, Any]) -> None:
    """Put the weights of a start into networks; the head stays new unless the start keeps it. Raises UserError.

    Of an autoencoder it is the encoder that a classifier starts from.
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
    """No gradients but for the head. Evaluation mode, which keeps batch-norm statistics, is the step's part."""
    network.requires_grad_(False)
    last_linear(network).requires_grad_(True)


def parameter_groups(network: nn.Module, lr: float, backbone_lr: float) -> list[dict[str, Any]]:
    """The head at the rate `lr` and the backbone at `backbone_lr` times it, for an optimizer."""
    head = list(last_linear(network).parameters())
    known = {id(parameter) for parameter in head}
    backbone = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [{"params": head, "lr": lr}, {"params": backbone, "lr": lr * backbone_lr}]


def adapt(images: Tensor, pixels: PixelRange, start: dict[str, Any]) -> Tensor:
    """Images (N, C, H, W) in the range `pixels` as the start's network knows them.

    Standardised as its images were (where the start says how), grey repeated in each channel, and resized to its size
    (bilinear): a network that learned on 224 pixels has filters for what is large there.
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
    """A function from images to what reaches the head of `network`, (N, D) float32, in evaluation mode."""

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
        """The features of the samples of the given numbers (N,) int64 on the CPU."""
        features = self.features[self.row[indices].to(self.device)]
        return Batch(features, self.labels[indices.to(self.device)], indices)
