"""How much a network computes: multiply-accumulates, the same on every device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

Shape = tuple[int, ...]


@torch.no_grad()
def count_macs(network: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of a forward pass, from torch's own counter, which counts each as two operations.

    Convolutions and products of matrices and vectors count, wherever they are: in linear, recurrent and bilinear layers
    and in attention, whose masked parts count too. Sums, activations, normalisation, pooling, Fourier transforms,
    `torch.cdist`, `torch.outer` and the operators of other packages (`torchvision.ops.deform_conv2d`) count as nothing.
    """
    from torch.utils.flop_counter import FlopCounterMode

    was_training = network.training
    network.eval()
    with unfused(), FlopCounterMode(display=False, custom_mapping=uncounted()) as counter:
        network(*inputs)
    network.train(was_training)
    return counter.get_total_flops() // 2


@contextmanager
def unfused() -> Iterator[None]:
    """Compute attention and recurrent layers as products of matrices, on every device.

    The counter does not know all of the fused operators, and which of them run depends on the device.
    """
    mha, mkldnn, cudnn = torch.backends.mha, torch.backends.mkldnn, torch.backends.cudnn
    enabled = mha.get_fastpath_enabled(), mkldnn.enabled, cudnn.enabled
    try:
        mha.set_fastpath_enabled(False)
        mkldnn.set_flags(False)
        cudnn.enabled = False
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        mha.set_fastpath_enabled(enabled[0])
        mkldnn.set_flags(enabled[1])
        cudnn.enabled = enabled[2]


def uncounted() -> dict[Any, Callable[..., int]]:
    """Formulas, from shapes to operations, of products that torch's counter leaves out."""
    ops = torch.ops.aten

    def attention(q: Shape, k: Shape, v: Shape, *_: Any, **__: Any) -> int:  # where a network itself selects a kernel
        return 2 * prod(q[:-1]) * k[-2] * (q[-1] + v[-1])

    def bilinear(x: Shape, weight: Shape, y: Shape, *_: Any, **__: Any) -> int:
        return 2 * x[0] * (prod(weight) + weight[0] * y[-1])

    return {
        ops.dot: lambda x, *_, **__: 2 * prod(x),
        ops.vdot: lambda x, *_, **__: 2 * prod(x),
        ops.mv: lambda matrix, *_, **__: 2 * prod(matrix),
        ops.addmv: lambda _, matrix, *__, **___: 2 * prod(matrix),
        ops.addbmm: lambda _, x, y, *__, **___: 2 * prod(x) * y[-1],
        ops._trilinear: bilinear,
        ops._scaled_dot_product_flash_attention_for_cpu: attention,
    }
