"""The steps of a training: a batch, the task's update of its networks, the sums of the losses; all on the device.

The host waits for none of it: it reads the sums when the loop looks at them. Where shapes don't change, a GPU can
record one step and replay it without Python (a CUDA graph). Whatever differs between steps is then in fixed places of
its memory: the numbers of the samples, learning rates, sums, and the state of its random generator. Replayed steps
compute what others compute, bit for bit (`benchmarks.gpu.checks` compares them), so either may follow a checkpoint.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from nets.data.batches import Batches
from nets.tasks.contract import Task

REPLAYS = False  # whether GPUs replay steps; benchmarks/gpu measures whether it pays, and no measurement says so yet
PLAIN = 3  # steps before one is recorded: in the first, optimizers and libraries make what they keep


class Steps:
    """Steps of a task on the training data."""

    def __init__(self, task: Task, data: Batches, replays: bool = REPLAYS):
        """`replays`: record a step and repeat it, if all that it reads is on the device and gradients are not scaled.

        Optimizers must have the recipe's learning rates. A checkpoint may be restored afterwards.
        """
        self.task, self.data = task, data
        self.rates = {role: [g["lr"] for g in o.param_groups] for role, o in task.optimizers.items()}
        self.factor: float | None = None  # of the rates that are set
        on_gpu, groups = task.device.type == "cuda", [g for o in task.optimizers.values() for g in o.param_groups]
        self.places_rates = on_gpu and all(group.get("fused") or group.get("capturable") for group in groups)
        here = data.home == task.device and (self.places_rates or not on_gpu)
        self.replays = replays and here and not task.scaler.is_enabled()
        self.names: tuple[str, ...] = ()  # of the losses
        self.sums: list[Tensor] = []  # two (n,) float64: of the losses, and of their squares
        self.indices: Tensor | None = None  # of the batch that a recorded step takes
        self.taken = 0
        self.replay: Callable[[], None] | None = None

    def set_rates(self, factor: float) -> None:
        """Multiply the recipe's learning rates by a factor, for the steps that follow."""
        if factor == self.factor:
            return
        for role, optimizer in self.task.optimizers.items():
            for group, rate in zip(optimizer.param_groups, self.rates[role], strict=True):
                value = rate * factor
                group["lr"] = placed(group["lr"], value, self.task.device) if self.places_rates else value
        self.factor = factor

    def take(self, indices: Tensor) -> None:
        """Learn from the samples with these numbers (N,), which are where the data are kept."""
        if not self.replays:
            self.work(indices)
            return
        if self.indices is None:
            self.indices = torch.empty_like(indices)
        self.indices.copy_(indices)
        if self.taken < PLAIN:
            with aside(self.task.device):
                self.work(self.indices)
        else:
            self.replay = self.replay or recorded(self.repeat, self.task.device)
            self.replay()
        self.taken += 1

    def repeat(self) -> None:
        """Learn from the samples whose numbers are in `indices`."""
        assert self.indices is not None
        self.work(self.indices)

    def work(self, indices: Tensor) -> None:
        """Take a batch, learn from it, add its losses to the sums."""
        losses = self.task.learn(self.data.take(indices, random=True))
        values = torch.stack(list(losses.values())).double()
        if not self.sums:
            self.names, self.sums = tuple(losses), [torch.zeros_like(values) for _ in range(2)]
        self.sums[0] += values
        self.sums[1] += values * values

    def clear(self) -> None:
        """Begin new sums."""
        for each in self.sums:
            each.zero_()

    def means(self, count: int) -> dict[str, float]:
        """The mean losses of the `count` steps since the sums began. Waits for the device."""
        return self.read(0, count)

    def deviations(self, count: int) -> dict[str, float]:
        """The standard deviations of the losses over these steps. Waits for the device."""
        means, squares = self.read(0, count), self.read(1, count)
        return {name: max(0.0, squares[name] - means[name] ** 2) ** 0.5 for name in self.names}

    def read(self, row: int, count: int) -> dict[str, float]:
        """A row of the sums, divided by `count`."""
        values = self.sums[row].tolist() if self.sums else []
        return {name: value / count for name, value in zip(self.names, values, strict=True)}

    def restore(self, names: tuple[str, ...], sums: list[Tensor]) -> None:
        """Continue with the sums of a checkpoint."""
        self.names, self.sums = names, [each.to(self.task.device) for each in sums]


def placed(number: float | Tensor, value: float, device: torch.device) -> Tensor:
    """A value as float32 on the device: in the place of `number`, if that is there already."""
    if isinstance(number, Tensor) and number.device.type == device.type:
        return number.fill_(value)
    return torch.tensor(value, dtype=torch.float32, device=device)


@contextmanager
def aside(device: torch.device) -> Iterator[None]:
    """Run kernels on a GPU's stream of their own, as a recorded step's are, in order with those before and after."""
    if device.type != "cuda":
        yield
        return
    main, other = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    other.wait_stream(main)
    with torch.cuda.stream(other):
        yield
    main.wait_stream(other)


def recorded(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """A function that repeats `work`: on a GPU its kernels, without Python; elsewhere `work` itself.

    A recorded step draws from the device's default generator, which torch registers with each graph: a replay draws
    what the step would draw, and moves the generator on.
    """
    if device.type != "cuda":
        return work
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
