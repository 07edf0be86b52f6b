"""Whether this processor computes a convolution right: against float64, in a process of its own, since it may crash."""

import contextlib
import dataclasses
import faulthandler
import os
import signal
import traceback
import warnings

import torch
from torch import Tensor

from nets.tasks.convolutions import Convolution

BATCH = 3  # odd, so that two threads share an image; what a batch of hundreds repeats is computed once
THREADS = (1, 2, 2)  # of one computation after another: a write past a buffer is not always noticed the first time
TOLERANCE = 1e-4  # of the largest true value
SECONDS = 120  # until a computation counts as hanging
NAMES = ("output", "gradient of images", "gradient of weights", "gradient of biases")


def verify(convolution: Convolution) -> str | None:
    """What is wrong with a convolution of a small batch on this processor, forward and backward; None if it is right.

    Float32 is compared with float64 in contiguous memory, by one and by two threads. A process that has used several
    threads itself can't call this: they are lost in a fork.
    """
    convolution = dataclasses.replace(convolution, images=(BATCH, *convolution.images[1:]))
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, where other threads wait meanwhile
        child = os.fork()
    if child == 0:
        answer(convolution, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        ended = signal.Signals(os.WTERMSIG(status))
        return f"it hangs (more than {SECONDS} s)" if ended == signal.SIGALRM else f"it crashes ({ended.name})"
    return said or (f"it ends with status {os.WEXITSTATUS(status)}" if status else None)


def answer(convolution: Convolution, writing: int) -> None:
    """Write what is wrong, or nothing, into a pipe, and end this process; with status 1 where that fails."""
    with contextlib.suppress(BaseException):
        faulthandler.disable()  # a crash is an answer here
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        try:
            said = compare(convolution)
        except BaseException:
            said = f"it raises {traceback.format_exc().splitlines()[-1]}"
        os.write(writing, (said or "").encode())
        os._exit(0)
    os._exit(1)


def compare(convolution: Convolution) -> str | None:
    """What differs between float32 and float64, and by how much; None where nothing does."""
    torch.set_num_threads(1)
    exact = compute(convolution, torch.float64)
    for threads in THREADS:
        torch.set_num_threads(threads)
        for name, found, true in zip(NAMES, compute(convolution, torch.float32), exact, strict=False):
            error = float((found - true).abs().max() / true.abs().max())
            if not error < TOLERANCE:
                return f"its {name} is wrong by {error:.1g} of the largest value ({threads} threads)"
    return None


def compute(convolution: Convolution, dtype: torch.dtype) -> list[Tensor]:
    """The output and the gradients, float64, of the same random numbers: float32 in the recorded memory format.

    Without autograd, whose threads a process with a GPU loses in a fork.
    """
    random = torch.Generator().manual_seed(0)

    def draw(shape: tuple[int, ...]) -> Tensor:
        numbers = torch.randn(shape, generator=random).to(dtype)
        return channels_last(numbers) if convolution.channels_last and dtype == torch.float32 else numbers

    c = convolution
    outputs = c.weight[1] * c.groups if c.transposed else c.weight[0]
    images, weight, bias = draw(c.images), draw(c.weight), draw((outputs,)) if c.bias else None
    how = c.stride, c.padding, c.dilation, c.transposed, c.output_padding, c.groups
    output = torch.convolution(images, weight, bias, *how)
    gradient, sizes = draw(tuple(output.shape)), [outputs] if c.bias else None
    wanted = [True, True, c.bias]
    gradients = torch.ops.aten.convolution_backward(gradient, images, weight, sizes, *how, wanted)
    return [tensor.double() for tensor in (output, *gradients) if tensor is not None]


def channels_last(tensor: Tensor) -> Tensor:
    """A copy of a tensor (N, C, H, W) with these strides also where a size is 1; others as they are."""
    if tensor.ndim != 4:
        return tensor
    _, channels, height, width = tensor.shape
    strides = (channels * height * width, 1, width * channels, channels)
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)
