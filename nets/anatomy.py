"""What a trained network consists of, and what it looks at: its layers, its first filters, and saliency.

It is computed beside the evaluation, and changes no number of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nets.files import atomic, write_json
from nets.tasks.contract import Task
from nets.tasks.macs import count_macs

FILTERS = 32  # the most filters that are kept
COPIES, NOISE = 16, 0.15  # of each image for saliency, and the standard deviation of their noise, of the pixels' range
IMAGES = 8  # the most images with saliency
Row = dict[str, Any]


def write_anatomy(task: Task, arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Write `layers.json` and `anatomy.npz` of a task with trained networks; `arrays` are those of its evaluation.

    Somebody's network may do what can't be followed. Then a line says so, the files are left out, and nothing fails.
    """
    try:
        found = {"filters": first_filters(task)}
        if "worst_images" in arrays and hasattr(task, "logits"):
            shown, answers = arrays["worst_images"][:IMAGES], arrays["worst_predicted"][:IMAGES]
            found |= {"saliency_images": shown, "saliency": saliency(task, shown, answers) if len(shown) else None}
        kept: dict[str, Any] = {name: array for name, array in found.items() if array is not None}
        write_json(folder / "layers.json", {"networks": layers(task)})
        with atomic(folder / "anatomy.npz") as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **kept)
    except OSError:
        raise
    except Exception as error:
        print(f"Its layers can't be listed ({type(error).__name__}: {str(error).partition(chr(10))[0]}).")


class Reach(TorchFunctionMode):
    """Follows how far each value of a feature map looks: `reach`, (pixels of the input, their distance, on a side).

    It follows tensors from those that have a reach: images have (1, 1). The reach of a value that several paths lead to
    is that of the farthest one. What is no map, and every map that is made of it, has the reach None.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and note the reach of what it returns."""
        result = func(*args, **(kwargs or {}))
        known = [each.reach for each in flat(args) if isinstance(each, Tensor) and hasattr(each, "reach")]
        if isinstance(result, Tensor) and known and (result.ndim != 4 or None in known):
            result.reach = None  # type: ignore[attr-defined]
        elif isinstance(result, Tensor) and known:
            far, step = (max(values) for values in zip(*known, strict=True))
            name = getattr(func, "__name__", "")
            with suppress(IndexError, TypeError, AttributeError):
                if name == "conv2d":
                    dilation = pair(argument(args, kwargs, 5, "dilation", 1))
                    kernel = (args[1].shape[-1] - 1) * dilation
                    far, step = far + kernel * step, step * pair(argument(args, kwargs, 3, "stride", 1))
                elif name in ("max_pool2d", "avg_pool2d"):
                    kernel = pair(argument(args, kwargs, 1, "kernel_size", 1))
                    far, step = far + (kernel - 1) * step, step * pair(argument(args, kwargs, 2, "stride", 0) or kernel)
                elif name == "conv_transpose2d":
                    stride = pair(argument(args, kwargs, 3, "stride", 1))
                    far, step = far + (args[1].shape[-1] - 1) // stride * step, max(1, step // stride)
                elif name == "adaptive_avg_pool2d":
                    kernel = args[0].shape[-1] // max(1, result.shape[-1])
                    far, step = far + (kernel - 1) * step, step * max(1, kernel)
            result.reach = (far, step)  # type: ignore[attr-defined]
        return result


def flat(values: Any) -> Iterator[Any]:
    """The leaves of nested lists and tuples."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from flat(value)
        else:
            yield value


def argument(args: Any, kwargs: Any, place: int, name: str, otherwise: Any) -> Any:
    """An argument of a call, by place or by name."""
    return args[place] if len(args) > place else (kwargs or {}).get(name, otherwise)


def pair(value: Any) -> int:
    """One number of a setting that may be one or a pair."""
    return int(value[-1]) if isinstance(value, list | tuple) else int(value)


@contextmanager
def recorded(network: nn.Module) -> Iterator[list[tuple[str, nn.Module, tuple[Any, ...], Tensor]]]:
    """Record the leaves that a network calls, each once, in order: name, module, inputs and output."""
    calls: list[tuple[str, nn.Module, tuple[Any, ...], Tensor]] = []
    seen: set[nn.Module] = set()

    def hook(name: str) -> Any:
        def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if module not in seen and isinstance(output, Tensor):
                seen.add(module)
                calls.append((name, module, inputs, output))

        return note

    leaves = [(name or "network", each) for name, each in network.named_modules() if not any(each.children())]

    def see(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """The first layer sees the images, unless it gets something else."""
        if not calls and inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim == 4 and inputs[0].shape[-1] > 1:
            inputs[0].reach = (1, 1)  # type: ignore[attr-defined]

    handles = [each.register_forward_hook(hook(name)) for name, each in leaves]
    handles += [each.register_forward_pre_hook(see) for _, each in leaves]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def layers(task: Task) -> dict[str, list[Row]]:
    """The layers of each network of a task, in the order in which they are called, by role.

    Each has its `name`, `kind`, `shape` (of its output for one image, without the batch), `parameters`, `macs`, and
    `reach`: how many pixels of the input, on a side, a value of its output looks at; None where there is no map.
    """
    tables = {}
    for role, network in task.networks.items():
        with recorded(network) as calls, Reach():
            task.macs()
        tables[role] = [row(name, module, inputs, output) for name, module, inputs, output in calls]
    return tables


def row(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Row:
    """A layer of the table."""
    own = list(module.parameters(recurse=False))
    return {
        "name": name,
        "kind": type(module).__name__,
        "shape": list(output.shape[1:]),
        "parameters": sum(each.numel() for each in own),
        "macs": count_macs(module, *inputs) if any(each.ndim > 1 for each in own) else 0,
        "reach": (getattr(output, "reach", None) or (None,))[0],
    }


def first_filters(task: Task) -> np.ndarray | None:
    """The first weights (n, C, h, w) uint8 that see pixels, of the first network that has any; grey stands for zero.

    A layer that sees all pixels at once has one weight a pixel, and so is shown as images. None if there are none.
    """
    channels, height, width = task.run.input_shape
    for network in task.networks.values():
        for module in network.modules():
            if isinstance(module, nn.Conv2d) and module.weight.shape[1] == channels and min(module.kernel_size) > 2:
                return as_pixels(module.weight[:FILTERS])
            if isinstance(module, nn.Linear) and module.in_features == channels * height * width:
                return as_pixels(module.weight[:FILTERS].reshape(-1, channels, height, width))
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                break
    return None


def as_pixels(weights: Tensor) -> np.ndarray:
    """Weights (n, C, h, w) as uint8 with zero at 128, each as bright as its largest allows; one or three channels."""
    weights = weights.detach().float().cpu()
    weights = weights if weights.shape[1] in (1, 3) else weights.mean(1, keepdim=True)
    largest = weights.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    return (128 + 127 * weights / largest).round().to(torch.uint8).numpy()


def saliency(task: Any, images: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Which pixels of images (n, C, H, W) uint8 move the answers `predicted` (n,) most: (n, 1, H, W) uint8.

    SmoothGrad (Smilkov et al. 2017): the gradient of the answer's logit, averaged over noisy copies of the image; the
    largest of its channels, and white for the 99th percentile of an image.
    """
    generator = torch.Generator().manual_seed(0)
    maps = []
    with torch.enable_grad():
        for image, label in zip(torch.as_tensor(images[:IMAGES]), predicted[:IMAGES], strict=True):
            pixels = task.pixels.apply(image.to(task.device).float()[None] / 255)
            spread = NOISE * (pixels.max() - pixels.min())
            noise = torch.randn((COPIES, *pixels.shape[1:]), generator=generator).to(task.device)
            noisy = (pixels + spread * noise).requires_grad_()
            (gradient,) = torch.autograd.grad(task.logits(noisy)[:, int(label)].sum(), noisy)
            mean = gradient.mean(0).abs().amax(0, keepdim=True).cpu()
            maps.append((mean / mean.flatten().quantile(0.99).clamp_min(1e-12)).clamp(0, 1))
    return (255 * torch.stack(maps)).round().to(torch.uint8).numpy()
