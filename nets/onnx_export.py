"""A trained network as an ONNX file that takes images (uint8) and answers as `nets.load` does.

The set-up with `make` has the packages for it; an environment of your own may lack them. The file is run by onnxruntime
and compared with torch.
"""

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nets.data.batches import UNIT
from nets.errors import UserError
from nets.files import atomic
from nets.tasks.codes import posterior
from nets.tasks.contract import Task
from nets.trained import Trained, open_trained

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TRIED = (1, 2, 5)  # numbers of images with which the file is compared
NEAR = 1e-4  # the largest difference of a probability, or of noise; a pixel may be rounded otherwise: by one level
ALIKE = 0.999  # the share of pixels whose class must be the same


class Answering(nn.Module):
    """What a trained network makes of images (N, C, H, W) uint8, with their normalisation."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.networks = (task,), task.networks  # in a tuple: a task is no module

    def forward(self, images: Tensor) -> Tensor:
        (task,) = self.task
        return task.answer(task.pixels.apply(images.float() / 255))


class Reconstructing(Answering):
    """The same of an autoencoder, for any number of images: its task answers some at a time."""

    def forward(self, images: Tensor) -> Tensor:
        (task,) = self.task
        network = task.networks["autoencoder"]
        code, _ = posterior(network, task.pixels.apply(images.float() / 255))
        return UNIT.invert(network.image(network.decode(code).float()))


class Drawing(nn.Module):
    """What a generator makes of latents (N, L): images (N, C, H, W) uint8."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.network = (task,), task.networks["generator"]

    def forward(self, latents: Tensor) -> Tensor:
        (task,) = self.task
        return task.pixels.invert(self.network(latents).float())


class Denoising(nn.Module):
    """The noise (N, C, H, W) that a denoiser sees in noisy images (N, C, H, W) at times (N,)."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.network = task.networks["denoiser"]

    def forward(self, noisy: Tensor, times: Tensor) -> Tensor:
        return self.network(noisy, times)


def export(run: Path, path: Path) -> str:
    """Write the ONNX file of a run's folder, or of its file of weights; returns what it takes and gives, in words.

    Raises UserError, and leaves no file, if packages are missing, if the network can't be exported, or if onnxruntime
    answers otherwise.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"ONNX needs {', '.join(missing)}; install them: .venv/bin/pip install {' '.join(PACKAGES)}")
    trained = open_trained(run, "cpu")
    module, inputs = module_of(trained)
    with atomic(path) as temporary:
        program = exported(trained, module.eval(), inputs)
        about = {"run": trained.run.name, "model": trained.run.title, "classes": json.dumps(trained.classes)}
        program.model.metadata_props.update(about)
        program.save(str(temporary))
        worst = max(difference(temporary, module, given(trained, inputs, count)) for count in TRIED)
    made = module(*inputs.values())
    takes = ", ".join(f"{name} {described(value)}" for name, value in inputs.items())
    counts = ", ".join(map(str, TRIED))
    return (
        f"{path} ({path.stat().st_size / 1e6:.1f} MB) takes {takes} and gives {described(made)}. "
        f"For {counts} of them, onnxruntime differs from torch by at most {worst:.1g}."
    )


def module_of(trained: Trained) -> tuple[nn.Module, dict[str, Tensor]]:
    """What is exported of a run, and its inputs for two images, by name."""
    task, shape = trained._task, trained.run.shape
    if "generator" in task.networks:
        return Drawing(task), {"latents": torch.zeros(2, task.networks["generator"].latent_dim)}
    if "denoiser" in task.networks:
        return Denoising(task), {"noisy": torch.zeros(2, *shape), "times": torch.zeros(2, dtype=torch.long)}
    kind = Reconstructing if "autoencoder" in task.networks else Answering
    return kind(task), {"images": torch.zeros(2, *shape, dtype=torch.uint8)}


def exported(trained: Trained, module: nn.Module, inputs: dict[str, Tensor]) -> Any:
    """The exported program, for any number of images."""
    count = torch.export.Dim("N")
    with torch.no_grad():
        module(*inputs.values())  # what is cached on first use (`by_channel`) is then real, not a tracer's
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                module,
                tuple(inputs.values()),
                dynamo=True,
                verbose=False,
                input_names=list(inputs),
                output_names=["answer"],
                dynamic_shapes=tuple({0: count} for _ in inputs),
                external_data=False,
            )
    except Exception as error:
        detail = str(error).strip().partition("\n")[0]
        raise UserError(f"{trained.run.name} can't be written as ONNX ({type(error).__name__}: {detail}).") from error


def given(trained: Trained, inputs: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """Random inputs for so many images."""
    dice = torch.Generator().manual_seed(count)
    made = {}
    for name, value in inputs.items():
        shape = (count, *value.shape[1:])
        if value.dtype.is_floating_point:
            made[name] = torch.randn(shape, generator=dice)
        else:
            made[name] = torch.randint(
                0, 255 if value.dtype == torch.uint8 else 2, shape, generator=dice, dtype=value.dtype
            )
    return made


@torch.no_grad()
def difference(path: Path, module: nn.Module, inputs: dict[str, Tensor]) -> float:
    """By how much onnxruntime's answer differs from torch's. Raises UserError if that is more than rounding."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    true = module(*inputs.values()).numpy()
    if found.shape != true.shape or found.dtype != true.dtype:
        raise UserError(f"onnxruntime gives {found.dtype} {found.shape}, torch {true.dtype} {true.shape}; report this.")
    if np.issubdtype(true.dtype, np.floating):
        worst, most = float(np.abs(found - true).max()), NEAR
    elif true.dtype == np.uint8:
        worst, most = float(np.abs(found.astype(int) - true.astype(int)).max()), 1
    else:
        worst, most = float((found != true).mean()), 1 - ALIKE
    if not worst <= most:
        raise UserError(f"onnxruntime's answer differs from torch's by {worst:.2g}, more than {most:g}; report this.")
    return worst


def described(value: Tensor) -> str:
    """The shape of a tensor of any number of images, and its type: "(N, 10) float32"."""
    sizes = ", ".join(map(str, value.shape[1:]))
    return f"(N, {sizes}) {kind(value)}" if sizes else f"(N,) {kind(value)}"


def kind(value: Tensor) -> str:
    """The name of a tensor's type."""
    return str(value.dtype).removeprefix("torch.")
