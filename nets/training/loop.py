"""The one training loop, for all tasks: epochs, learning rates, history, checkpoints, the choice of weights."""

import copy
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nets.data.batches import Batches
from nets.machine.progress import Progress
from nets.machine.stop import Stopped
from nets.tasks.contract import Task
from nets.training.average import MovingAverage
from nets.training.checkpoints import Checkpoints
from nets.training.schedules import lr_factor
from nets.training.steps import REPLAYS, Steps

FRAMES = 24  # snapshots kept over a run
CHECK_EVERY = 20  # steps between checks of the losses; each check waits for the device


class Diverged(RuntimeError):
    """The losses are no longer finite; `nets.training.diagnosis` finds out why."""


class TimedOut(RuntimeError):
    """The run has used up its time; its checkpoint has been written."""


@dataclass(frozen=True)
class Best:
    """The weights that are best on validation data so far."""

    epoch: int  # complete epochs after which they were taken
    value: float  # of the validation metric that chooses them
    weights: dict[str, Tensor]


@dataclass
class State:
    """All that changes during training, besides the task's networks and optimizers."""

    epoch: int = 0  # complete epochs
    step: int = 0  # steps in all epochs
    seconds: float = 0.0
    resumed: int = 0  # how often it has continued from a checkpoint
    history: list[dict[str, float]] = field(default_factory=list)
    snapshots: dict[int, Tensor] = field(default_factory=dict)  # by epoch
    best: Best | None = None


class Training:
    """The training of a run, from its first step or its newest checkpoint to its last step."""

    def __init__(
        self,
        task: Task,
        data: dict[str, Batches],
        checkpoints: Checkpoints,
        progress: Progress,
        checkpoint_seconds: float = 60,
        stop_asked: Callable[[], bool] = lambda: False,
        limit_seconds: float = float("inf"),
        replays: bool = REPLAYS,
    ):
        """Restore the newest checkpoint, if there is one.

        `data` has `train` and `validation`. `checkpoint_seconds` is the most work that a kill can cost. `stop_asked` is
        called after each step; once it returns true, the run writes a checkpoint and raises Stopped. `limit_seconds` is
        the training time allowed, not counting the time between the run's processes. `replays` is as for `Steps`.
        """
        self.task, self.data, self.checkpoints, self.progress = task, data, checkpoints, progress
        self.checkpoint_seconds, self.stop_asked, self.limit_seconds = checkpoint_seconds, stop_asked, limit_seconds
        self.recipe = task.run.recipe
        self.steps_per_epoch = data["train"].steps(task.batch_size)
        self.state = State()
        self.average = MovingAverage(task.networks, self.recipe.ema) if self.recipe.ema else None
        self.steps = Steps(task, data["train"], replays)
        if (saved := checkpoints.load(torch.device("cpu"))) is not None:
            self.restore(saved)

    def run(self) -> State:
        """Train to the end. Raises Diverged, Stopped or TimedOut.

        A kill at any time loses at most the work of one checkpoint interval. If the recipe averages weights, the
        networks end with the average, because that is what was validated.
        """
        state, self.started = self.state, time.monotonic() - self.state.seconds
        self.saved_at = time.monotonic()
        if state.step == 0:
            self.take_snapshot()
        while state.epoch < self.recipe.epochs:
            self.train_epoch()
            self.end_epoch()
        if self.average:
            self.task.networks.load_state_dict(self.average.weights)
        state.seconds = time.monotonic() - self.started
        return state

    def train_epoch(self) -> None:
        """Train an epoch, or the rest of it after the checkpoint."""
        state = self.state
        done = state.step - state.epoch * self.steps_per_epoch
        if done == 0:
            self.steps.clear()
        seed = self.task.run.seed * 1_000_003 + state.epoch
        for indices in self.data["train"].draws(self.task.batch_size, seed, done, state.epoch):
            self.steps.set_rates(self.factor_at(state.step))
            self.steps.take(indices)
            state.step += 1
            done += 1
            if self.average:
                self.average.update(state.step)
            if self.stop_asked():
                state.seconds = time.monotonic() - self.started
                self.save()
                raise Stopped(f"Stopped after step {state.step}; the same command continues the run.")
            if done % CHECK_EVERY == 0 or done == self.steps_per_epoch:
                self.inspect(done)

    def inspect(self, done: int) -> None:
        """Report progress, detect divergence, enforce the time limit, and save if a checkpoint is due."""
        means = self.steps.means(done)
        state = self.state
        state.seconds = time.monotonic() - self.started
        total = self.recipe.epochs * self.steps_per_epoch
        self.progress.update(state.step, total, state.seconds, f"epoch {state.epoch + 1}/{self.recipe.epochs}", means)
        self.check_finite(means, "train", state.epoch + 1)
        if state.seconds > self.limit_seconds and state.step < total:
            self.save()
            raise TimedOut(
                f"It reached its limit of {self.limit_seconds / 60:g} minutes in epoch {state.epoch + 1} of "
                f"{self.recipe.epochs}; a higher time_limit continues it."
            )
        if time.monotonic() - self.saved_at > self.checkpoint_seconds and done < self.steps_per_epoch:
            self.save()

    def check_finite(self, values: dict[str, float], split: str, epoch: int) -> None:
        """Raise Diverged if one of an epoch's losses or metrics is not finite."""
        for name, value in values.items():
            if not abs(value) < float("inf"):
                raise Diverged(f"{split}/{name} was no longer finite in epoch {epoch}.")

    def factor_at(self, step: int) -> float:
        """By what the recipe's learning rates are multiplied at a step, counted from 0."""
        return lr_factor(self.recipe.schedule, step, self.steps_per_epoch, self.recipe.epochs)

    def end_epoch(self) -> None:
        """Validate, choose weights, take a snapshot, extend the history, save."""
        state = self.state
        state.epoch += 1
        with self.average.applied() if self.average else nullcontext():
            validation = {}
            if len(self.data["validation"]):
                validation = self.task.validate(self.data["validation"])
                self.check_finite(validation, "validation", state.epoch)
                self.choose(validation)
            if self.is_frame():
                validation = validation | self.task.watch()
                self.take_snapshot()
        state.seconds = time.monotonic() - self.started
        state.history.append(
            {"epoch": state.epoch, "step": state.step, "seconds": round(state.seconds, 3)}
            | {f"lr/{role}": rates[0] * self.factor_at(state.step - 1) for role, rates in self.steps.rates.items()}
            | {f"train/{name}": value for name, value in self.steps.means(self.steps_per_epoch).items()}
            | {f"train/{name}_std": value for name, value in self.steps.deviations(self.steps_per_epoch).items()}
            | {f"validation/{name}": value for name, value in validation.items()}
        )
        self.progress.epoch(state.history[-1])
        if time.monotonic() - self.saved_at > self.checkpoint_seconds or state.epoch == self.recipe.epochs:
            self.save()

    def choose(self, validation: dict[str, float]) -> None:
        """Keep the weights if they are better on validation data than all before; of equals, the first is kept."""
        if (selection := self.task.selection) is None:
            return
        metric, direction = selection
        value = validation[metric]
        best = self.state.best
        if best is None or (value > best.value if direction == "higher" else value < best.value):
            weights = {k: v.detach().cpu().clone() for k, v in self.task.networks.state_dict().items()}
            self.state.best = Best(self.state.epoch, value, weights)

    def is_frame(self) -> bool:
        """Whether a snapshot is due: before the first epoch, and after evenly spaced epochs including the last."""
        epochs, count = self.recipe.epochs, min(FRAMES - 1, self.recipe.epochs)
        return self.state.epoch in {round(i * epochs / count) for i in range(count + 1)}

    def take_snapshot(self) -> None:
        """Keep the images that show what the networks can do now."""
        images = self.task.snapshot(self.data["validation" if len(self.data["validation"]) else "train"])
        if images is not None:
            self.state.snapshots[self.state.epoch] = images.cpu()

    def save(self) -> None:
        """Write a checkpoint."""
        task, state = self.task, self.state
        content = {
            "state": vars(state) | {"best": state.best and vars(state.best)},
            "losses": {"names": self.steps.names, "sums": self.steps.sums},
            "networks": task.networks.state_dict(),
            "average": self.average and self.average.weights,
            "optimizers": {role: optimizer.state_dict() for role, optimizer in task.optimizers.items()},
            "scaler": task.scaler.state_dict(),
            "random": random_state(task.device),
        }
        self.checkpoints.save(state.step, content)
        self.saved_at = time.monotonic()

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore everything from a checkpoint."""
        task = self.task
        best = saved["state"]["best"]
        self.state = State(**saved["state"] | {"best": best and Best(**best)})
        self.state.resumed += 1
        self.steps.restore(**saved["losses"])
        task.networks.load_state_dict(saved["networks"])
        if self.average:
            self.average.restore(saved["average"])
        for role, optimizer in task.optimizers.items():
            optimizer.load_state_dict(copy.deepcopy(saved["optimizers"][role]))
        task.scaler.load_state_dict(saved["scaler"])
        set_random_state(saved["random"], task.device)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The states of the random generators that a training draws from: torch's on the CPU, and its own device's.

    Other devices don't count, so a checkpoint can be continued on a machine with more or fewer of them.
    """
    cpu = {"cpu": torch.get_rng_state()}
    return cpu if device.type == "cpu" else cpu | {device.type: torch.get_device_module(device).get_rng_state(device)}


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Restore what `random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[device.type].cpu(), device)
