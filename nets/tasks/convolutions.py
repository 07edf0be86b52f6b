"""The convolutions that a network computes, those that oneDNN is known to get wrong on CPUs, and a way around them.

The backward pass of a 1x1 convolution with a stride and few input channels, in channels-last memory, writes past its
workspace (uxlfoundation/oneDNN#6035, in torch 2.14.1). A crash, a hang or wrong gradients follow. The bound is the
kernel's block of channels: 8 with AVX2 for images of any size, 16 with AVX-512 for large images or several threads.
Networks avoid all below 16 on every CPU, so that the same network is computed in the same way everywhere.
"""

import inspect
import os
from dataclasses import dataclass
from types import FrameType

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

BLOCK = 16  # channels: the larger of the kernels' blocks
OUTSIDE = (os.path.dirname(torch.__file__) + os.sep, __file__)  # where no network is written


@dataclass(frozen=True)
class Convolution:
    """What decides which kernel computes a convolution: the arguments of `torch.convolution`, without their numbers."""

    images: tuple[int, ...]  # (N, C, H, W)
    weight: tuple[int, ...]  # (out, in / groups, h, w); of a transposed one (in, out / groups, h, w)
    bias: bool
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    channels_last: bool  # whether images or weight lie so in memory; then torch brings both to it

    def __str__(self) -> str:
        out = self.weight[1] * self.groups if self.transposed else self.weight[0]
        kind = "transposed convolution" if self.transposed else "convolution"
        words = [f"{'x'.join(map(str, self.weight[2:]))} {kind}", f"stride {'x'.join(map(str, self.stride))}"]
        words += [f"{self.groups} groups"] if self.groups > 1 else []
        return f"{', '.join(words)}, {self.images[1]} to {out} channels, {'x'.join(map(str, self.images[2:]))} pixels"


class Recording(TorchDispatchMode):
    """A context that keeps the distinct convolutions of forward passes in `found`, with the line that asks for each."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[Convolution, str] = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation is torch.ops.aten.convolution.default:
            images, weight, bias, stride, padding, dilation, transposed, output_padding, groups = args
            convolution = Convolution(
                images=tuple(images.shape),
                weight=tuple(weight.shape),
                bias=bias is not None,
                stride=tuple(stride),
                padding=tuple(padding),
                dilation=tuple(dilation),
                transposed=transposed,
                output_padding=tuple(output_padding),
                groups=groups,
                channels_last=lies_channels_last(images) or lies_channels_last(weight),
            )
            self.found.setdefault(convolution, place(inspect.currentframe()))
        return operation(*args, **(kwargs or {}))


def lies_channels_last(tensor: Tensor) -> bool:
    """Whether torch takes a tensor (N, C, H, W), or a view of one, for channels-last; never of another rank."""
    return tensor.ndim == 4 and tensor.stride(1) == 1 and tensor.stride(3) >= tensor.shape[1]


def place(frame: FrameType | None) -> str:
    """The nearest line of a caller that is not torch's own, as 'net.py, line 12'."""
    while frame and frame.f_code.co_filename.startswith(OUTSIDE):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}, line {frame.f_lineno}" if frame else "unknown"


def known_bad(convolution: Convolution) -> bool:
    """Whether oneDNN computes wrong gradients of it on some CPU, or may crash."""
    narrow = is_narrow(convolution.weight, convolution.stride, convolution.groups)
    return narrow and convolution.channels_last and not any(convolution.padding)


def is_narrow(weight: tuple[int, ...], stride: tuple[int, ...], groups: int) -> bool:
    """Whether a kernel is 1x1 with a stride, and has fewer channels than a block on the side that the stride thins.

    They are its input channels; of a transposed convolution, whose weight has them in the same place, the outputs.
    """
    return set(weight[2:]) == {1} and max(stride) > 1 and groups == 1 and weight[1] < BLOCK


class PickingConv2d(nn.Conv2d):
    """A 1x1 convolution with a stride, as one with stride 1 of the pixels that the stride meets: the same function."""

    def forward(self, images: Tensor) -> Tensor:
        rows, columns = self.stride
        return F.conv2d(images[..., ::rows, ::columns], self.weight, self.bias)


def mend(network: nn.Module) -> None:
    """Make the plain `nn.Conv2d` that are known to be bad compute in another way; names and weights stay."""
    for module in network.modules():
        if type(module) is not nn.Conv2d:  # a subclass may compute something else
            continue
        unpadded = module.padding in ((0, 0), "valid")
        if unpadded and is_narrow(tuple(module.weight.shape), module.stride, module.groups):
            module.__class__ = PickingConv2d


def avoid(found: dict[Convolution, str]) -> list[str]:
    """Where a convolution that is known to be bad was found, take oneDNN out of this process; says so in a sentence."""
    bad = [f"{convolution} ({where})" for convolution, where in found.items() if known_bad(convolution)]
    if bad:
        torch.backends.mkldnn.set_flags(False)
    return [
        f"oneDNN gets the gradients of a convolution wrong on CPUs (uxlfoundation/oneDNN#6035): {each}. The whole run "
        "is computed without oneDNN, which is right but slower; an nn.Conv2d in its place would be fast."
        for each in bad
    ]
