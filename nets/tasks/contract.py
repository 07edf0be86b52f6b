"""What the training loop and the jobs may ask of a task, and what tasks share.

A task owns its networks, its losses, one optimisation step and its evaluation. The loop owns time: epochs,
learning rates, checkpoints, history.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nets.data.batches import Batch, Batches, PixelRange, at_once
from nets.errors import UserError
from nets.run import Run
from nets.tasks.convolutions import Convolution, Recording, avoid, mend
from nets.tasks.kinds import KINDS
from nets.tasks.networks import blamed, build_network
from nets.tasks.optimizers import build_optimizer, spread_overflow
from nets.tasks.precision import Precision, forked


@dataclass
class Evaluation:
    """What a task measures on a split."""

    metrics: dict[str, Any]  # by name, as in the tables of nets/metrics/: a number, or Unmeasured
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # for the figures
    classes: dict[str, Any] = field(default_factory=dict)  # by name: a number for each class (K,), or Unmeasured


class Selection(NamedTuple):
    """How the weights "best" are chosen on validation data."""

    metric: str
    direction: str  # "higher" or "lower" is better


Outputs = Iterator[tuple[str, Any, tuple[int, ...]]]  # a network's role, its output, the shape that it must have


class Task(ABC):
    """One kind of learning, for one run. A role names what a network is for, such as "classifier"."""

    measured: ClassVar[tuple[str, ...]] = ("last",)  # which weights are evaluated, the headline's last; see `selection`
    probed: ClassVar[bool] = False  # whether evaluation calls `probe`

    def __init__(self, run: Run, pixels: PixelRange, device: torch.device, precision: Precision | None = None):
        self.run, self.pixels, self.device = run, pixels, device
        self.precision, self.learning = precision or Precision(), False
        self.options = run.recipe.options
        self.networks = nn.ModuleDict(  # type: ignore[call-overload]  # torch declares no `to` with both arguments
            {role: build_network(n.path, n.args, self.arguments(role), n.builder) for role, n in run.networks.items()}
        ).to(device, memory_format=torch.channels_last)  # up to 2.7 times as fast as the default, on CPUs too
        if device.type != "cuda":  # whose kernels are not oneDNN's
            mend(self.networks)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision.dtype == torch.float16)

    @property
    def selection(self) -> Selection | None:
        """What chooses the weights "best"; None for tasks that choose none."""
        return None

    @cached_property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One optimizer per network, by role; created on first use, because torch loads a compiler for them."""
        return {role: self.build_optimizer(role) for role in self.networks}

    @staticmethod
    @abstractmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        """The range of pixels that the networks see; `info` is the `dataset.json` of the prepared data."""

    @abstractmethod
    def arguments(self, role: str) -> dict[str, Any]:
        """Constructor arguments that depend on the data set; a network gets those that it accepts."""

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Update the weights once; returns the losses, detached scalars on the device."""

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """`step` in the number type of training; whatever else a task computes is float32."""
        self.learning = True
        try:
            return self.step(batch)
        finally:
            self.learning = False

    @abstractmethod
    def validate(self, data: Batches) -> dict[str, float]:
        """Metrics on validation data, for the history and for choosing weights."""

    @abstractmethod
    def evaluate(self, data: Batches) -> Evaluation:
        """Metrics and pictures on test data, with the present weights of the networks."""

    def answer(self, images: Tensor) -> Tensor:
        """What a user of the trained networks asks of images (N, C, H, W) in the task's range; see `nets.load`.

        Raises UserError if they take none.
        """
        raise UserError(f"{self.run.name} takes no images, but draws some; ask it for samples.")

    @abstractmethod
    def macs(self) -> dict[str, int]:
        """Multiply-accumulate operations of one image's forward pass through each network."""

    def probe(self, train: Batches, test: Batches) -> dict[str, dict[str, Any]]:
        """Metrics that need training data, by split.

        `test`: those of simple classifiers that are fitted to the frozen features of training data. `train`: those of
        the network itself, which show how much it has memorised.
        """
        return {}

    def study(self, train: Batches, test: Batches) -> dict[str, Evaluation]:
        """What the option `measure` asks for, by split; of the last weights, where the best are measured too.

        It may change what it likes of gradients, but neither weights nor buffers.
        """
        return {}

    def asked(self, study: str) -> bool:
        """Whether the option `measure` names a study."""
        return study in self.options.get("measure", ())

    @property
    def batch_size(self) -> int:
        """Images per step: the recipe's batch size, times the updates of a step that need their own images."""
        return self.run.recipe.batch_size

    @property
    def measured_at_once(self) -> int:
        """Images that go through the networks at once where nothing is learned or drawn: as many as fit into memory."""
        return at_once(500, self.device)

    @torch.no_grad()
    def check(self) -> list[str]:
        """Raise UserError if a network lacks what the task needs; called before training.

        Returns warnings: a sentence for each convolution that this process computes without oneDNN.
        """
        for role, attributes in KINDS[self.run.task].roles.items():
            for name in attributes:
                if not hasattr(self.networks[role], name):
                    raise UserError(f"{self.run.networks[role].path} has no {name}, which its task needs.")
        self.networks.eval()  # each step says again what it wants
        images = torch.zeros(2, *self.run.shape, device=self.device)
        with blamed([network.path for network in self.run.networks.values()], tuple(images.shape)):
            for role, output, shape in self.outputs(images):
                made = tuple(output.shape) if isinstance(output, Tensor) else f"a {type(output).__name__}"
                if made != shape:
                    path = self.run.networks[role].path
                    raise UserError(f"{path} makes {made} of a batch of two; its task needs the shape {shape}.")
            return avoid(self.convolutions()) if self.device.type == "cpu" else []

    @torch.no_grad()
    def convolutions(self) -> dict[Convolution, str]:
        """Each distinct convolution that learning from two images computes, with the line of source that asks for it.

        The networks are in training mode, where auxiliary heads count.
        """
        with self.trial(), Recording() as recorded:
            for _ in self.outputs(torch.zeros(2, *self.run.shape, device=self.device)):
                pass
        return recorded.found

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Training mode that leaves buffers and random numbers as they were; evaluation mode follows."""
        before = {name: buffer.clone() for name, buffer in self.networks.named_buffers()}
        self.networks.train()
        with forked(self.device):
            yield
        with torch.no_grad():
            for name, buffer in self.networks.named_buffers():
                buffer.copy_(before[name])
        self.networks.eval()

    @abstractmethod
    def outputs(self, images: Tensor) -> Outputs:
        """Each network's output for two images (2, C, H, W), and the shape that the task needs."""

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Load weights trained elsewhere; they have the names of `networks.state_dict()`."""
        self.networks.load_state_dict(weights)

    def view(self, data: dict[str, Batches]) -> dict[str, Batches]:
        """What `step` and `validate` get of `train` and `validation`: their images, or what is made of them once."""
        return data

    def snapshot(self, data: Batches) -> Tensor | None:
        """Images (n, C, H, W) uint8 that show what the networks can do now; always from the same latents or images."""
        return None

    def watch(self) -> dict[str, float]:
        """Metrics for the history that cost too much to compute after every epoch: computed with each snapshot."""
        return {}

    def failure(self, history: list[dict[str, float]], info: dict[str, Any]) -> str | None:
        """One sentence if the finished run has learned nothing, although its losses are finite.

        `info` is the `dataset.json` of the data: what can be reached without learning depends on them.
        """
        return None

    def build_optimizer(self, role: str) -> torch.optim.Optimizer:
        """The recipe's optimizer for a network."""
        settings = self.run.recipe.optimizer_of(role)
        return build_optimizer(self.networks[role], list(self.parameters(role, settings["lr"])), settings, self.device)

    def parameters(self, role: str, lr: float) -> Iterable[Any]:
        """What a network's optimizer optimises: all parameters, or groups with their own learning rates."""
        parameters = list(self.networks[role].parameters())
        if not parameters:
            raise UserError(f"{self.run.networks[role].path} has no parameters, so there is nothing to learn.")
        return parameters

    def autocast(self) -> AbstractContextManager:
        """The context of this task's forward passes: the number type of training while it learns, otherwise float32."""
        return (self.precision if self.learning else Precision()).autocast(self.device)

    def update(self, role: str, loss: Tensor) -> None:
        """Take one optimizer step of a network to minimise `loss`, with the recipe's scaling and clipping."""
        self.update_jointly([role], loss)

    def update_jointly(self, roles: list[str], loss: Tensor) -> None:
        """Minimise a `loss` shared by several networks: one step of each one's optimizer."""
        for role in roles:
            self.optimizers[role].zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if len(roles) > 1 and self.scaler.is_enabled():
            spread_overflow(self.networks[role] for role in roles)
        for role in roles:
            if self.run.recipe.clip_norm is not None:
                self.scaler.unscale_(self.optimizers[role])
                nn.utils.clip_grad_norm_(self.networks[role].parameters(), self.run.recipe.clip_norm)
            self.scaler.step(self.optimizers[role])
        self.scaler.update()


class Generator(Task):
    """A task whose networks draw images. Its samples are measured, during training too."""

    judge: Callable[[Tensor], dict[str, float]] | None = None  # measures samples (N, C, H, W) uint8 during training

    @abstractmethod
    def sample(self, count: int, seed: int) -> Tensor:
        """Images (count, C, H, W) uint8 on the device; the same for the same seed and weights.

        The random numbers of training are not touched.
        """

    @abstractmethod
    def sampling(self) -> dict[str, Any]:
        """How samples for fidelity are drawn; part of the passport, the measuring conditions of each fidelity number.

        `samples`: how many; `sampler`: its name; `steps`: passes through the network; `ema`: decay of the moving
        average of the weights, or None.
        """

    def draft(self, count: int, seed: int) -> Tensor:
        """Samples for the judge: those of `sample`, or cheaper ones where `sample` is expensive."""
        return self.sample(count, seed)

    def alternatives(self) -> Iterator[tuple[str, int, Tensor]]:
        """Samples drawn in other ways, if the option `measure` asks: a sampler, its steps, images as of `sample`."""
        return iter(())

    def watch(self) -> dict[str, float]:
        return self.judge(self.draft(self.options["fid_samples"], seed=self.run.seed)) if self.judge else {}
