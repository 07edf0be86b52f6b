"""What a network must keep, so that it can be trained, measured, stopped and loaded: tried on a few made-up images.

Every check takes runs of one model (`nets.suite.examples`), and returns what it has found in a few words or raises
UserError with what is wrong and what to do. `make check MODEL=` prints a line for each.
"""

import copy
import dataclasses
import io
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor, nn

from nets.data.batches import Batch, Batches
from nets.data.prepared import Split
from nets.errors import UserError, first_line, is_out_of_memory
from nets.machine.progress import Progress
from nets.machine.stop import Stopped
from nets.run import Run
from nets.tasks import task_class
from nets.tasks.contract import Task
from nets.tasks.convolutions import Convolution
from nets.tasks.exactness import verify
from nets.tasks.kinds import KINDS
from nets.tasks.networks import line_of
from nets.training.checkpoints import Checkpoints
from nets.training.loop import Training
from nets.training.outputs import write_weights

CPU = torch.device("cpu")
BATCH, BATCHES = 4, 3  # images of a step, and steps of an epoch, of a short training
FITTED = 64  # images of a network that is fitted to all at once
LEARNED, STEPS = 8, 300  # images of the batch that is overfitted, and the most steps for it
RATE = 1e-3  # of Adam, with which it is overfitted: whatever the recipe, it is the network that is tried
FALLEN = 0.5  # the share of its beginning to which the loss has to fall
TRIED = 20  # steps after which each parameter must have had a gradient
GRID = 4  # squares along a side of a made-up image
SAME = 1e-5  # of the largest output: differences that are rounding
MEASURED = 2  # of the runs: those whose convolutions are computed


class Check(NamedTuple):
    """A check of a network."""

    name: str
    function: Callable[[list[Run]], str]


def results(runs: list[Run]) -> Iterator[tuple[str, str, str | None]]:
    """The name of each check, what it has found, and what is wrong; None if nothing is."""
    for check in CHECKS:
        try:
            yield check.name, check.function(runs), None
        except Exception as error:
            if is_out_of_memory(error):
                raise
            yield check.name, "", said(error)


def said(error: Exception) -> str:
    """What is wrong, in one sentence: a UserError's own, or what the network's code raises, with its line."""
    if isinstance(error, UserError):
        return str(error)
    raised = f"{type(error).__name__}: {first_line(error)}"
    return f"it raises {raised.rstrip('.')} at {line_of(error)}; correct that line, or the network's args."


def shapes(runs: list[Run]) -> str:
    """Images of several sizes become what the task needs."""
    for run in runs:
        try:
            build(run).check()
        except UserError as error:
            limits = "if it takes only some images, write so in its entry: `channels: 3`, `sizes: {minimum: 32}`"
            raise UserError(f"{str(error).rstrip('.')}; {limits}.") from None
    return ", ".join(dict.fromkeys("x".join(map(str, run.shape)) for run in runs))


def gradients(runs: list[Run]) -> str:
    """Every parameter that can learn gets a gradient."""
    if fitted(runs[0]):
        return "it is fitted, not trained"
    learned = overfit(runs[0])
    if learned.without:
        name, kind = next(iter(learned.without.items()))
        more = f" (and {len(learned.without) - 1} others)" if len(learned.without) > 1 else ""
        raise UserError(
            f"{name}{more} {kind} in {TRIED} steps of training; let `forward` use it, remove it, or give it "
            "requires_grad=False."
        )
    return f"each of {learned.parameters} parameter tensors gets one"


def independence(runs: list[Run]) -> str:
    """In evaluation mode, what a network makes of an image does not depend on the others of its batch."""
    task, dice = build(runs[0]), torch.Generator().manual_seed(0)
    recorded = calls(task)
    for call in recorded:
        others = tuple(with_another(each, dice) for each in call.arguments)
        for one, two in zip(call.repeat(task), call._replace(arguments=others).repeat(task), strict=True):
            if len(one) == 2 and len(two) == 2 and not near(one[0], two[0]):
                raise UserError(
                    f"In evaluation mode, {call.place} makes something else of an image when the other image of its "
                    "batch changes; take no statistics over dimension 0 there (a batch norm uses its running ones "
                    "after .eval())."
                )
    return "an image's answer is its own"


def one_batch(runs: list[Run]) -> str:
    """A network can learn a few images by heart."""
    run = runs[0]
    if fitted(run):
        task = build(run)
        batch = batch_of(task, FITTED)
        task.learn(batch)
        images = batch.images
        left = (task.networks["autoencoder"](images) - images).square().mean() / images.var(0).mean()
        if not left < 1:
            raise UserError("`fit` explains nothing of the images that it gets; correct it.")
        return f"`fit` leaves {100 * float(left):.0f} % of the variance"
    learned = overfit(run)
    if not all(map(math.isfinite, learned.losses)):
        at = next(i for i, loss in enumerate(learned.losses) if not math.isfinite(loss))
        raise UserError(f"Its loss is not finite after {at + 1} steps on one batch; normalise, or scale its weights.")
    if run.task == "adversarial":
        return f"losses are finite for {len(learned.losses)} steps (those of adversaries need not fall)"
    if learned.losses[-1] > FALLEN * learned.start:
        raise UserError(
            f"It can't learn {LEARNED} images by heart: its loss is {learned.losses[-1]:.3g} after "
            f"{len(learned.losses)} steps of Adam, from {learned.start:.3g}; look for an output that ignores the "
            "images, an activation stuck at 0, a detach(), or a softmax in front of the loss, which has its own."
        )
    return f"the loss falls from {learned.start:.3g} to {learned.losses[-1]:.3g} in {len(learned.losses)} steps"


def saved(runs: list[Run]) -> str:
    """Weights that are saved and loaded into a new network give the same answers."""
    run = runs[0]
    task = build(run)
    with torch.no_grad():
        for parameter in task.networks.parameters():  # so that a weight that is not saved is missed
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        write_weights(path, task.networks.state_dict())
        weights = load(path.read_bytes())
    other = build(run, seed=1)
    other.networks.load_state_dict(weights)
    for call in calls(task):
        for one, two in zip(call.repeat(task), call.repeat(other), strict=True):
            if not torch.equal(one, two):
                raise UserError(
                    f"A new network with the saved weights makes something else of the same images in {call.place}; "
                    "register what it keeps besides layers with register_buffer, keep lists of layers in an "
                    "nn.ModuleList, and draw nothing in evaluation mode."
                )
    return f"{sum(value.numel() for value in weights.values()):,} numbers, the same answers"


def repeated(runs: list[Run]) -> str:
    """Two trainings with the same seed give the same bits."""
    first = uninterrupted(runs[0])
    if name := differing(first, train(short(runs[0]))):
        raise UserError(
            f"Two trainings with the same seed differ, first in {name}; draw random numbers from torch alone (not "
            "from random, numpy or the time), and keep nothing in a module or class between two networks."
        )
    return "two trainings end with the same bits"


def continued(runs: list[Run]) -> str:
    """A training that is killed and continued gives the bits of one that is not."""
    first = uninterrupted(runs[0])
    if fitted(runs[0]):
        return "it takes one step"
    if name := differing(first, train(short(runs[0]), stop_after=BATCHES - 1)):
        raise UserError(
            "A training that was stopped and continued ends with other weights than one that was not, first in "
            f"{name}; keep what changes while it learns in parameters and buffers (register_buffer), which checkpoints "
            "hold."
        )
    return "killed and continued, it ends with the same bits"


def convolutions(runs: list[Run]) -> str:
    """This processor computes each convolution as float64 does."""
    places: dict[Convolution, str] = {}
    for run in runs[:MEASURED]:
        places |= build(run).convolutions()
    faults = {each: fault for each in places if (fault := verify(each))}
    if faults:
        first, fault = next(iter(faults.items()))
        raise UserError(
            f"This processor computes {len(faults)} of {len(places)} convolutions wrong, such as {first} "
            f"({places[first]}): {fault}; train it elsewhere."
        )
    return f"all {len(places)} are right here"


CHECKS = (
    Check("shapes", shapes),
    Check("gradients", gradients),
    Check("one batch", one_batch),
    Check("batch independence", independence),
    Check("save and load", saved),
    Check("same bits twice", repeated),
    Check("killed and continued", continued),
    Check("convolutions", convolutions),
)


def build(run: Run, seed: int = 0) -> Task:
    """The task of a run on the CPU, for grey as the mean of its images."""
    torch.manual_seed(seed)
    kind, grey = task_class(run), (0.5,) * run.shape[0]
    return kind(run, kind.pixel_range({"mean": grey, "std": grey}), CPU)


def fitted(run: Run) -> bool:
    """Whether a network takes no gradient steps."""
    return bool(run.recipe.options.get("fitted"))


def short(run: Run) -> Run:
    """The run with two short epochs, and without what only long ones need."""
    options = dict(run.recipe.options)
    options |= {name: 4 for name in ("timesteps",) if name in options} | {
        name: None for name in ("sampling_steps",) if name in options
    }
    changes: dict[str, Any] = {"batch_size": FITTED if fitted(run) else BATCH, "epochs": 1 if fitted(run) else 2}
    return dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, options=options, **changes))


def made_up(task: Task, count: int) -> Split:
    """Images of black and white squares, which all differ, with labels that follow from nothing in them, or masks."""
    run, dice = task.run, np.random.RandomState(0)
    channels, height, width = run.shape
    grids = dice.randint(0, 2, (count, channels, GRID, GRID)).astype(np.uint8) * 255
    rows, columns = np.arange(height) * GRID // height, np.arange(width) * GRID // width
    images = grids[:, :, rows][..., columns]
    info: dict[str, Any] = {"void": None, "shape": list(run.shape)}
    masks = None
    labels = np.arange(count) % run.num_classes if run.num_classes else np.full(count, -1)
    if "masks" in run.data:
        info, labels = info | {"void": run.data["masks"]["void"]}, np.full(count, -1)
        masks = (images[:, 0] > 0).astype(np.uint8)  # the class of a square is its colour
    return Split(np.ascontiguousarray(images), labels.astype(np.int64), np.arange(count), info, masks)


def batch_of(task: Task, count: int) -> Batch:
    """A batch of made-up images."""
    return Batches(made_up(task, count), task.pixels, CPU).take(torch.arange(count))


class Learned(NamedTuple):
    """What came of learning one batch by heart."""

    start: float  # the loss at the beginning, or that of a constant answer
    losses: list[float]
    parameters: int  # tensors
    without: dict[str, str]  # parameters without a gradient, and what they have instead


@cache
def overfit_text(description: str) -> Learned:
    """See `overfit`; by the run's description, so that two checks share it."""
    run = Run.from_json(description)
    run = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, batch_size=LEARNED))
    task = build(run)
    named = {name: each for name, each in task.networks.named_parameters() if each.requires_grad}
    if not named:
        raise UserError("It has no parameters that could learn; give it layers.")
    vars(task)["optimizers"] = {
        role: torch.optim.Adam([each for each in network.parameters() if each.requires_grad] or [nn.Parameter()], RATE)
        for role, network in task.networks.items()
    }
    batch = batch_of(task, task.batch_size)
    classes = {"classification": min(run.num_classes, LEARNED), "segmentation": 2}  # that occur in the batch
    constant = math.log(classes[run.task]) if run.task in classes else math.inf
    losses: list[float] = []
    without = dict.fromkeys(named, "gets no gradient")
    start = math.inf
    while len(losses) < STEPS:
        values = {name: float(value) for name, value in task.learn(batch).items()}
        losses.append(values["loss"] if "loss" in values else sum(values.values()))
        for name in list(without):
            gradient = named[name].grad
            if gradient is not None and (gradient.any() or name.endswith("bias")):  # a critic's last bias has one of 0
                del without[name]
            elif gradient is not None:
                without[name] = "has a gradient of 0"
        start = min(losses[0], constant)
        tried = len(losses) >= TRIED or not without
        fallen = len(losses) >= TRIED if run.task == "adversarial" else max(losses[-2:]) < FALLEN * start
        if tried and (fallen and len(losses) > 2 or not math.isfinite(losses[-1])):
            break
    return Learned(start, losses, len(named), without)


def overfit(run: Run) -> Learned:
    """Learn one batch with Adam until the loss has fallen; notes which parameters get no gradient."""
    return overfit_text(run.to_json(indent=None))


class Call(NamedTuple):
    """One call of a network: its role, the method, and the arguments."""

    role: str
    method: str
    arguments: tuple[Any, ...]

    @property
    def place(self) -> str:
        """The method, as a reader would look for it."""
        return f"`{self.method}` of the {self.role}"

    @torch.no_grad()
    def repeat(self, task: Task) -> list[Tensor]:
        """What the method of this task's network makes of the arguments, in evaluation mode."""
        task.networks[self.role].eval()
        arguments = copy.deepcopy(self.arguments)
        network = task.networks[self.role]
        made = network(*arguments) if self.method == "forward" else getattr(network, self.method)(*arguments)
        return [each for each in (made if isinstance(made, tuple) else (made,)) if isinstance(each, Tensor)]


@torch.no_grad()
def calls(task: Task) -> list[Call]:
    """How a task calls its networks for two made-up images."""
    found: list[Call] = []
    task.networks.eval()
    with watched(task, found):
        for _ in task.outputs(batch_of(task, 2).images):
            pass
    return found


@contextmanager
def watched(task: Task, found: list[Call]) -> Iterator[None]:
    """Note the calls of the networks' methods that the task needs."""
    marked: list[tuple[nn.Module, str]] = []
    for role, network in task.networks.items():
        for name in ("forward", *KINDS[task.run.task].roles.get(role, ())):
            if callable(method := getattr(network, name, None)):

                def noted(*arguments: Any, role: str = role, name: str = name, method: Any = method) -> Any:
                    found.append(Call(role, name, copy.deepcopy(arguments)))
                    return method(*arguments)

                setattr(network, name, noted)
                marked.append((network, name))
    try:
        yield
    finally:
        for network, name in marked:
            delattr(network, name)


def with_another(argument: Any, dice: torch.Generator) -> Any:
    """A batch of two with another second element; anything else as it is."""
    if not (isinstance(argument, Tensor) and argument.ndim and len(argument) == 2 and argument.is_floating_point()):
        return argument
    return torch.stack([argument[0], torch.randn(argument[1].shape, generator=dice).to(argument.dtype)])


def near(one: Tensor, two: Tensor) -> bool:
    """Whether two outputs are the same but for rounding."""
    largest = float(one.abs().max()) if one.numel() else 0.0
    return bool(torch.allclose(one, two, rtol=0, atol=SAME * max(largest, 1e-6), equal_nan=True))


def train(run: Run, stop_after: int | None = None) -> dict[str, Tensor]:
    """The weights after a short training; `stop_after` so many steps, it is stopped, and a new one continues it."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), "0" * 16, "cpu")
        if stop_after is not None:
            steps = iter(range(1, stop_after + 1))
            with suppress(Stopped):
                training(run, checkpoints, lambda: next(steps) == stop_after)
        return training(run, checkpoints, lambda: False)


def training(run: Run, checkpoints: Checkpoints, stop_asked: Callable[[], bool]) -> dict[str, Tensor]:
    """The weights at the end of one training, from its first step or its checkpoint."""
    task = build(run, run.seed)
    count = FITTED if fitted(run) else BATCHES * task.batch_size
    data = {name: Batches(made_up(task, count), task.pixels, CPU) for name in ("train", "validation")}
    quiet = Progress("check", terminal=io.StringIO())
    Training(task, task.view(data), checkpoints, quiet, stop_asked=stop_asked).run()
    return {name: value.clone() for name, value in task.networks.state_dict().items()}


@cache
def uninterrupted_text(description: str) -> dict[str, Tensor]:
    """See `uninterrupted`."""
    return train(short(Run.from_json(description)))


def uninterrupted(run: Run) -> dict[str, Tensor]:
    """The weights of a training that nobody stops; two checks compare with it."""
    return uninterrupted_text(run.to_json(indent=None))


def differing(one: dict[str, Tensor], two: dict[str, Tensor]) -> str | None:
    """The first weight that differs in a bit; NaNs that are in both count as the same."""
    for name in one:
        same = torch.equal(one[name].nan_to_num(), two[name].nan_to_num()) if name in two else False
        if not same:
            return name
    return None
