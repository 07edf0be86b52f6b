"""What a step asks of the host: nothing, between the looks of the loop; and steps that are repeated in fixed places."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nets.data import batches
from nets.data.batches import Batches
from nets.data.prepared import Split
from nets.tasks import task_class
from nets.tasks.contract import Task
from nets.tasks.precision import Precision
from nets.training.loop import Training
from nets.training.steps import Steps
from tests.training.test_loop import DATASETS, MODELS, outcome, same, training_of

META = torch.device("meta")  # its tensors have no numbers: to read one is an error
SOME = {  # one of each kind of task, with what a step may do besides: augment, average, clip, change rates
    **MODELS,
    "lenet5": MODELS["lenet5"] + " clip_norm=1 schedule.name=cosine",
    "wgan": "batch_size=8 epochs=2 model.width=4 options.n_critic=2",
    "vgg11_bn": "batch_size=16 epochs=2 ema=0.9 augment.flip=true",
}
OTHERS = DATASETS | {"vgg11_bn": "cifar10"}


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
    with Traffic() as traffic:
        training.train_epoch()
    assert training.state.step == 2 * training.steps_per_epoch >= 6
    assert traffic.found == ["aten._to_copy.default"]


class NoCheckpoints:
    """No checkpoint."""

    def load(self, device):
        return None
