"""What a step asks of the host: nothing, between the looks of the loop; and steps that are repeated in fixed places."""

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nets.data import batches
from nets.data.batches import Batches
from nets.data.prepared import Split
from nets.machine.stop import Stopped
from nets.tasks import task_class
from nets.training.average import MovingAverage
from nets.training.loop import Training
from nets.training.steps import PLAIN, Steps, placed
from tests.training.test_loop import DATASETS, MODELS, outcome, same, training_of

META = torch.device("meta")  # its tensors have no numbers: to read one is an error
SOME = {  # one of each kind of task, with what a step may do besides: augment, average, clip, change rates
    **MODELS,
    "lenet5": MODELS["lenet5"] + " clip_norm=1 schedule.name=cosine",
    "wgan": "batch_size=8 epochs=2 model.width=4 options.n_critic=2",
    "mlp": "batch_size=16 epochs=2 model.batch_norm=true ema=0.9 augment.flip=true",
}
OTHERS = DATASETS | {"mlp": "cifar10"}


class Traffic(TorchDispatchMode):
    """Lists operations that take from one device and give to another."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        given = operation(*args, **(kwargs or {}))
        tensors = [each for each in tree_leaves((args, kwargs, given)) if isinstance(each, torch.Tensor)]
        if len({tensor.device for tensor in tensors}) > 1:
            self.found.append(str(operation))
        return given


def split_of(run, count=96) -> Split:
    """Random images of a run's shape."""
    dice = np.random.default_rng(0)
    classes = max(run.num_classes, 1)
    return Split(
        images=dice.integers(0, 256, (count, *run.shape), dtype=np.uint8),
        labels=dice.integers(0, classes, count),
        indices=np.arange(count),
        masks=dice.integers(0, classes, (count, *run.shape[1:]), dtype=np.uint8),
        info={"mean": [0.1] * run.shape[0], "std": [0.3] * run.shape[0], "void": 0},
    )


class Making(TorchFunctionMode):
    """Lists calls that make tensors of Python's numbers, which torch hides from the other mode."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy):
            self.found.append(function.__name__)
        return function(*args, **(kwargs or {}))


class NoCheckpoints:
    """No checkpoint."""

    def load(self, device):
        return None


@pytest.mark.parametrize("model", SOME)
def test_between_looks_nothing_is_copied_from_the_host_or_read_by_it(model, run_of, monkeypatch):
    """An epoch's order is copied once; losses are added, weights averaged and rates changed without a word."""
    monkeypatch.setattr(batches, "room", lambda device, jobs: float("inf"))
    monkeypatch.setattr(Training, "inspect", lambda self, done: None)
    run = run_of(model, SOME[model], dataset=OTHERS.get(model, "mnist5k"))
    kind, split = task_class(run), split_of(run)
    task = kind(run, kind.pixel_range(split.info), META)
    data = {"train": Batches(split, task.pixels, META, run.recipe.augment)}
    training = Training(task, data, NoCheckpoints(), None)
    training.train_epoch()  # what is made once
    training.state.epoch += 1
    with Traffic() as traffic, Making() as making:
        training.train_epoch()
    assert training.state.step == 2 * training.steps_per_epoch >= 6
    assert traffic.found == ["aten._to_copy.default"] and making.found == []


def test_averages_follow_what_a_network_puts_in_the_place_of_a_buffer():
    network = torch.nn.BatchNorm1d(2)
    average = MovingAverage(network, 0.0)
    network.running_mean, network.num_batches_tracked = torch.ones(2), torch.tensor(7)
    average.update(100)
    assert same(average.weights, network.state_dict())


@pytest.mark.parametrize("model", ["lenet5", "dcgan"])
def test_steps_in_fixed_places_give_the_same_bits_also_after_an_interruption(
    model, run_of, few_digits, tmp_path, monkeypatch
):
    """A GPU records what is done here between the places; a CPU does it again."""
    run = run_of(model, MODELS[model])
    plain = outcome(training_of(run, few_digits, tmp_path / "plain"))
    done, repeat = [], Steps.repeat
    monkeypatch.setattr(Steps, "repeat", lambda steps: done.append(steps.taken) or repeat(steps))
    broken = training_of(run, few_digits, tmp_path / "places", replays=True)
    broken.stop_asked = lambda: broken.state.step == PLAIN + 2
    with pytest.raises(Stopped):
        broken.run()
    continued = training_of(run, few_digits, tmp_path / "places", replays=True)
    resumed = outcome(continued)
    steps = run.recipe.epochs * continued.steps_per_epoch - (PLAIN + 2)
    assert done == [*range(PLAIN, PLAIN + 2), *range(PLAIN, steps)]  # the first steps of each process are plain
    assert same(plain[0], resumed[0]) and plain[1] == resumed[1] and same(plain[2], resumed[2])


def test_steps_that_cannot_be_repeated_are_not(run_of, few_digits, tmp_path):
    training = training_of(run_of("lenet5"), few_digits, tmp_path, replays=True)
    task, data = training.task, training.data["train"]
    assert training.steps.replays and not Steps(task, data).replays  # unless asked for
    task.scaler = torch.amp.GradScaler("cpu")
    assert not Steps(task, data, replays=True).replays  # the scaler decides on the host whether a step is taken
    task.scaler, data.home = torch.amp.GradScaler("cpu", enabled=False), META
    assert not Steps(task, data, replays=True).replays  # images come from the host
    task.device = data.home = torch.device("cuda")
    assert not Steps(task, data, replays=True).replays  # so do the optimizer's rates
    del task.optimizers  # which are now made for a GPU
    assert Steps(task, data, replays=True).replays


def test_a_rate_keeps_its_place_on_the_device():
    first = placed(0.1, 0.5, META)
    assert first.device == META and first.dtype == torch.float32
    assert placed(first, 0.25, META) is first
    there = placed(torch.tensor(1.0), 0.25, torch.device("cpu"))
    assert there.item() == 0.25 and placed(there, 0.5, torch.device("cpu")) is there and there.item() == 0.5


@pytest.mark.parametrize("model", ["lenet5", "dcgan", "wgan"])
def test_on_a_gpu_optimizers_keep_their_counts_and_take_steps_in_one_kernel(model, run_of):
    run = run_of(model)
    kind = task_class(run)
    task = kind(run, kind.pixel_range(split_of(run).info), torch.device("cpu"))
    for role in task.networks:
        here = task.build_optimizer(role).param_groups[0]
        assert not here.get("fused") and not here.get("capturable")
    task.device = torch.device("cuda")
    for role in task.networks:
        there = task.build_optimizer(role).param_groups[0]
        assert there.get("fused") or there.get("capturable")
        assert "capturable" not in there or there["capturable"]  # otherwise it would count its steps on the host
