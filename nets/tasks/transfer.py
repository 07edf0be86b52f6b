"""Transfer learning: a classifier starts from weights trained elsewhere; its head, the last linear layer, is new.

    feature_extraction  the backbone is frozen, in evaluation mode; the head learns from features computed once
    fine_tuning         all layers learn, the backbone at a lower rate
    evaluate_only       nothing learns
    self_training       a new network learns; the start, its teacher, labels the images that have no labels

Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep neural networks?", NIPS 2014. Self-training:
Lee, "Pseudo-Label", ICML Workshop on Challenges in Representation Learning 2013; Xie, Luong, Hovy and Le,
"Self-training with Noisy Student improves ImageNet classification", CVPR 2020.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nets.data.batches import CPU, Batch, Batches, PixelRange, room, rows_of
from nets.errors import UserError

LARGE = 64  # image size in pixels above which whole splits go through a network in small batches


def last_linear(network: nn.Module) -> nn.Linear:
    """The classification head: the last linear layer that was registered."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)][-1]


def load_start(networks: nn.Module, state: dict[str, Tensor], start: dict[str, Any]) -> set[str]:
    """Load the weights of a start into networks; the head stays new unless the start keeps it. Raises UserError.

    From an autoencoder, a classifier takes the encoder. Returns the names of the weights and statistics that stay new.
    """
    learned = "autoencoder.encoder."
    encoder = {name.replace(learned, "classifier.encoder."): state[name] for name in state if name.startswith(learned)}
    head, own = last_linear(networks), networks.state_dict()
    name = next(name for name, module in networks.named_modules() if module is head)
    new = own.keys() - encoder.keys() if encoder else set()
    if not start["keep_head"]:
        new |= {f"{name}.weight", f"{name}.bias"} & own.keys()
    state = (encoder or without_prefix(state, own)) | {key: own[key] for key in new}
    state |= {key: own[key] for key in own if key not in state and key.endswith("num_batches_tracked")}  # old torch
    if reason := misfit(own, state):
        raise UserError(f"The weights of {start['name']} don't fit the network: {reason}; choose others.")
    networks.load_state_dict(state)
    return new


def without_prefix(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights without what wrappers put before each name, such as `module.`, where no name is one of `own`."""
    names = {name: name for name in state}  # by the name without prefix
    while names and not names.keys() & own.keys():
        inner = {f"classifier.{name.split('.', 2)[-1]}": names[name] for name in names}
        if len({name.split(".")[1] for name in names}) > 1 or inner.keys() == names.keys():
            return state
        names = inner
    return {name: state[old] for name, old in names.items()}


def misfit(own: dict[str, Tensor], state: dict[str, Tensor]) -> str | None:
    """What a network has (`own`) and a file does not, in a few words; None if all names and shapes are the same."""
    plain = [{name.removeprefix("classifier."): value.shape for name, value in each.items()} for each in (own, state)]
    wanted, found = plain
    for words, names in (("lacks", wanted.keys() - found.keys()), ("has besides", found.keys() - wanted.keys())):
        if names:
            several = f" and {len(names) - 1} more" if len(names) > 1 else ""
            counts = f"the file has {len(found)} tensors for the network's {len(wanted)}"
            return f"{counts}, and {words} {min(names)}{several}"
    for name, shape in wanted.items():
        if found[name] != shape:
            sizes = ["x".join(map(str, each)) or "one number" for each in (found[name], shape)]
            return f"{name} is {sizes[0]} in the file and {sizes[1]} in the network"
    return None


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


def inputs_of(layer: nn.Module, network: nn.Module, forward: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    """A function from images to the input of a layer of `network`, (N, ...) float32, in evaluation mode."""

    @torch.no_grad()
    def inputs(images: Tensor) -> Tensor:
        seen: list[Tensor] = []
        hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        network.eval()
        forward(images)
        hook.remove()
        return seen[0].float()

    return inputs


def settle_norms(
    network: nn.Module, new: frozenset[str], forward: Callable[[Tensor], Any], data: Batches, batch_size: int
) -> None:
    """Give batch-norm layers that are new the mean and variance of their inputs on a split.

    `new` has the names of the network's weights that its start lacked. In a frozen network no batch would ever update
    these statistics, so the codes of an autoencoder would reach the head without normalisation.
    """
    for name, layer in network.named_modules():
        if f"{name}.running_mean" in new:
            inputs = inputs_of(layer, network, forward)
            seen = torch.cat([inputs(batch.images) for batch in data.ordered(batch_size)]).transpose(0, 1).flatten(1)
            layer.running_var.copy_(seen.var(1))
            layer.running_mean.copy_(seen.mean(1))


def confident(logits: Tensor, confidence: float) -> tuple[Tensor, Tensor]:
    """The rows of logits (N, K) whose highest probability is `confidence` or more, and the classes (N,) of all rows."""
    probability, classes = logits.softmax(1).max(1)
    return (probability >= confidence).nonzero().flatten(), classes


class FeatureBatches(Batches):
    """A split whose images are replaced by features (N, ...), computed once; no augmentation.

    They are kept on the device if they fit into the room of a split there, otherwise in the computer's memory.
    """

    rows: Tensor  # of each sample among the features

    def __init__(self, data: Batches, features: Callable[[Tensor], Tensor], batch_size: int):
        self.device, self.info, self.order, self.jobs = data.device, data.info, data.order, data.jobs
        self.augmentation = {}
        parts = (features(batch.images) for batch in data.ordered(batch_size))
        first = next(parts)
        shape = (len(self.order), *first.shape[1:])
        self.home = self.device if first[0].nbytes * len(self.order) < room(self.device, self.jobs) else CPU
        self.features = torch.empty(shape, dtype=first.dtype, device=self.home)
        for place, part in zip(self.features.split(batch_size), chain([first], parts), strict=True):
            place.copy_(part)
        self.labels = data.labels.to(self.home)
        self.rows = rows_of(self.order, len(self.labels)).to(self.home)

    def take(self, indices: Tensor, random: bool = False) -> Batch:
        """The features of the samples with the given numbers (N,), int64 on any device."""
        indices = indices.to(self.home)
        features = self.features[self.rows[indices]]
        return Batch(self._moved(features), self._moved(self.labels[indices]), indices)
