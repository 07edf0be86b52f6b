"""What the training loop and the jobs may ask of a task, and the means that tasks share.

A task owns its networks, its losses, one optimisation step and its evaluation. The loop owns time: epochs,
learning rates, checkpoints, history.
"""

import importlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from nets.data.batches import Batch, Batches, PixelRange
from nets.errors import UserError
from nets.run import Run
from nets.tasks.convolutions import Convolution, Recording, avoid, mend

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}


@dataclass(frozen=True)
class Precision:
    """The number type of forward passes: float32, or a narrower one under autocast."""

    dtype: torch.dtype = torch.float32

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """A context for forward passes."""
        return nullcontext() if self.dtype == torch.float32 else torch.autocast(device.type, dtype=self.dtype)


@dataclass
class Evaluation:
    """What a task found on a split."""

    metrics: dict[str, tuple[float, str]]  # name: (value, "higher" | "lower" | "none")
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # for the figures


class Task(ABC):
    """One kind of learning, for one run."""

    headline: ClassVar[str]  # the metric by which models are compared first
    measured: ClassVar[tuple[str, ...]] = ("last",)  # the weights that are evaluated; "best": see `selection`
    selection: ClassVar[tuple[str, str] | None] = None  # validation metric that chooses "best", and its direction
    probed: ClassVar[bool] = False  # whether evaluation asks for `probe`
    needs: ClassVar[dict[str, tuple[str, ...]]] = {}  # attributes that networks must have, by role
    judge: Callable[[Tensor], dict[str, float]] | None = None  # of what generates: measures samples while it learns

    def __init__(self, run: Run, pixels: PixelRange, device: torch.device, precision: Precision | None = None):
        self.run, self.pixels, self.device = run, pixels, device
        self.precision = precision or Precision()
        self.options = run.recipe.options
        self.networks = nn.ModuleDict(
            {role: build_network(n.path, n.args, self.arguments(role)) for role, n in run.networks.items()}
        ).to(device, memory_format=torch.channels_last)  # up to 2.7 times as fast as the default, on CPUs too
        if device.type != "cuda":  # whose kernels are not oneDNN's
            mend(self.networks)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision.dtype == torch.float16)

    @cached_property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One a network, by its role; made when first asked for, since torch loads a compiler for them."""
        return {role: self.build_optimizer(role) for role in self.networks}

    @staticmethod
    @abstractmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        """The range of pixels that the networks see, from a prepared data set's `dataset.json`."""

    @abstractmethod
    def arguments(self, role: str) -> dict[str, Any]:
        """What the data set decides of a network's constructor arguments; it gets those that it has."""

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of the weights; returns the losses, detached scalars on the device."""

    @abstractmethod
    def validate(self, data: Batches) -> dict[str, float]:
        """Metrics on validation data, for the history and the choice of weights."""

    @abstractmethod
    def evaluate(self, data: Batches) -> Evaluation:
        """Metrics and pictures on test data, with the weights that the networks hold now."""

    @abstractmethod
    def macs(self) -> dict[str, int]:
        """Multiply-accumulate operations of one image through each network, forward."""

    def probe(self, train: Batches, test: Batches) -> dict[str, dict[str, tuple[float, str]]]:
        """By split, metrics that need training data.

        `test`: of simple classifiers that are fitted to the frozen features of training data. `train`: of the network
        itself, which tell how much of what it knows it knows by heart.
        """
        return {}

    @property
    def batch_size(self) -> int:
        """Images of one step: the recipe's, times the updates of a step that each want images of their own."""
        return self.run.recipe.batch_size

    @torch.no_grad()
    def check(self) -> list[str]:
        """Raise UserError where networks have not what the task needs; asked before training.

        Returns warnings, a sentence each, of what this process then computes in another way than the networks say.
        """
        for role, attributes in self.needs.items():
            for name in attributes:
                if role in self.networks and not hasattr(self.networks[role], name):
                    raise UserError(f"{self.run.networks[role].path} has no {name}, which its task needs.")
        self.networks.eval()  # each step says again what it wants
        for role, output, shape in self.outputs(torch.zeros(2, *self.run.shape, device=self.device)):
            found = tuple(output.shape) if isinstance(output, Tensor) else f"a {type(output).__name__}"
            if found != shape:
                path = self.run.networks[role].path
                raise UserError(f"{path} makes {found} of a batch of two; its task needs the shape {shape}.")
        return avoid(self.convolutions()) if self.device.type == "cpu" else []

    @torch.no_grad()
    def convolutions(self) -> dict[Convolution, str]:
        """Each distinct convolution that learning from two images computes, with the line of source that asks for it.

        The networks are in training mode, where auxiliary heads count; neither they nor random numbers are changed.
        """
        before = {name: buffer.clone() for name, buffer in self.networks.named_buffers()}
        self.networks.train()
        with torch.random.fork_rng([]), Recording() as recorded:
            for _ in self.outputs(torch.zeros(2, *self.run.shape, device=self.device)):
                pass
        for name, buffer in self.networks.named_buffers():
            buffer.copy_(before[name])
        self.networks.eval()
        return recorded.found

    @abstractmethod
    def outputs(self, images: Tensor) -> Iterable[tuple[str, Any, tuple[int, ...]]]:
        """For each network, by its role, what it makes of two images (2, C, H, W), and the shape that it must have."""

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with weights trained elsewhere, named as `networks` names them."""
        self.networks.load_state_dict(weights)

    def view(self, data: Batches) -> Batches:
        """A split as `step` and `validate` want it: its images, or what is computed from them once."""
        return data

    def snapshot(self, data: Batches) -> Tensor | None:
        """Images (n, C, H, W) uint8 that show what the networks can do now, from the same latents or images."""
        return None

    def watch(self) -> dict[str, float]:
        """Metrics for the history that would cost too much after each epoch: asked for at those of snapshots."""
        return self.judge(self.draft(self.options["fid_samples"], seed=self.run.seed)) if self.judge else {}

    def draft(self, count: int, seed: int) -> Tensor:
        """Samples of what generates, for its judge: as it draws them, or by less work where that is much."""
        return self.sample(count, seed)

    def failure(self, history: list[dict[str, float]]) -> str | None:
        """One sentence if a run that ended has learned nothing, though its losses are finite."""
        return None

    def build_optimizer(self, role: str) -> torch.optim.Optimizer:
        """The recipe's optimizer for a network."""
        settings = self.run.recipe.optimizer_of(role)
        if "betas" in settings:
            settings["betas"] = tuple(map(float, settings["betas"]))  # Adam refuses [0, 0.9]
        return OPTIMIZERS[settings.pop("name")](self.parameters(role, settings["lr"]), **settings)

    def parameters(self, role: str, lr: float) -> Iterable[Any]:
        """What the optimizer of a network optimises: its parameters, or groups of them with rates of their own."""
        found = list(self.networks[role].parameters())
        if not found:
            raise UserError(f"{self.run.networks[role].path} has no parameters, so there is nothing to learn.")
        return found

    def autocast(self) -> AbstractContextManager:
        """The context of this task's forward passes."""
        return self.precision.autocast(self.device)

    def update(self, role: str, loss: Tensor) -> None:
        """Minimise `loss` by one step of a network's optimizer, with the scaling and clipping of the recipe."""
        self.update_jointly([role], loss)

    def update_jointly(self, roles: list[str], loss: Tensor) -> None:
        """Minimise one `loss` of several networks by one step of each one's optimizer."""
        for role in roles:
            self.optimizers[role].zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        for role in roles:
            if self.run.recipe.clip_norm is not None:
                self.scaler.unscale_(self.optimizers[role])
                nn.utils.clip_grad_norm_(self.networks[role].parameters(), self.run.recipe.clip_norm)
            self.scaler.step(self.optimizers[role])
        self.scaler.update()


def import_class(path: str) -> type[nn.Module]:
    """A class by its import path. Raises UserError."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"The class {path} of models.yaml can't be imported: {error}.") from None


def build_network(path: str, args: dict[str, Any], facts: dict[str, Any]) -> nn.Module:
    """A network from its catalogue entry; of `facts` it gets what its constructor names."""
    network = import_class(path)
    accepted = inspect.signature(network).parameters
    unknown = [name for name in args if name not in accepted]
    if unknown:
        raise UserError(f"{path} has no constructor argument {unknown[0]!r}; it takes {', '.join(accepted)}.")
    given = {k: v for k, v in facts.items() if k in accepted} | args
    try:
        inspect.signature(network).bind(**given)
    except TypeError as error:
        raise UserError(f"{path} can't be built: {error}; give it in `args` of models.yaml.") from None
    try:
        built = network(**given)
    except ValueError as error:
        raise UserError(f"{path} can't be built: {error}") from error
    if not isinstance(built, nn.Module):
        raise UserError(f"{path} gives {type(built).__name__}, no torch.nn.Module; name the network's class.")
    return built


@torch.no_grad()
def count_macs(network: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of a forward pass, from torch's own counter (which counts two operations each)."""
    from torch.utils.flop_counter import FlopCounterMode

    was_training = network.training
    network.eval()
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    network.train(was_training)
    return counter.get_total_flops() // 2
