"""An optimizer is one entry of a table: schema, checks and training read it."""

import inspect

import pytest
import torch
from torch import nn

from nets.data.batches import Batches, PixelRange
from nets.errors import ConfigError
from nets.optimizers import OPTIMIZERS, SETTINGS, Optimizer
from nets.suite import catalogues
from nets.tasks.classification import Classification
from nets.tasks.optimizers import with_norm_biases


@pytest.fixture
def add(monkeypatch):
    """A function that adds an optimizer to the table, as if the program had just started."""

    def forget():
        for read in (catalogues.schema, catalogues.load_catalogue):
            read.cache_clear()

    def put(entry, **settings):
        monkeypatch.setitem(OPTIMIZERS, "adagrad", entry)
        for setting, rule in settings.items():
            monkeypatch.setitem(SETTINGS, setting, rule)
        forget()

    yield put
    forget()


NEW = "optimizer.name=adagrad optimizer.lr=0.01 optimizer.lr_decay=0.001"


def test_a_new_entry_trains(add, run_of, few_digits):
    add(Optimizer("Adagrad", ("weight_decay", "eps", "lr_decay")), lr_decay={"type": "number", "minimum": 0})
    run = run_of("lenet5", NEW)
    pixels, device = PixelRange((0.1,), (0.3,)), torch.device("cpu")
    torch.manual_seed(0)
    task = Classification(run, pixels, device)
    before = [parameter.detach().clone() for parameter in task.networks.parameters()]
    task.step(next(Batches(few_digits("validation", 32), pixels, device).ordered(32)))
    assert isinstance(task.optimizers["classifier"], torch.optim.Adagrad)
    assert task.optimizers["classifier"].defaults["lr_decay"] == 0.001
    assert not any(map(torch.equal, before, task.networks.parameters()))


def test_its_ranges_are_checked_and_its_settings_are_its_own(add, run_of):
    add(Optimizer("Adagrad", ("lr_decay",)), lr_decay={"type": "number", "minimum": 0})
    with pytest.raises(ConfigError, match=r"optimizer.lr_decay: -1 is less than the minimum of 0; set 0 or more"):
        run_of("lenet5", "optimizer.name=adagrad optimizer.lr_decay=-1")
    with pytest.raises(ConfigError, match=r"optimizer.eps, .* is not a setting of adagrad; it has lr, lr_decay\.$"):
        run_of("lenet5", "optimizer.name=adagrad optimizer.eps=0.1")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Optimizer("Adagrad", ("lr_decay",)), "SETTINGS lacks 'lr_decay', which adagrad has; add its range"),
        (Optimizer("Adagrad"), "the entry 'adagrad' lacks settings"),
        (Optimizer(settings=()), "the entry 'adagrad' lacks name"),
    ],
)
def test_what_an_entry_lacks_is_said_before_anything_runs(add, run_of, entry, expected):
    add(entry)
    with pytest.raises(ConfigError, match=f"^nets/optimizers.py: {expected}"):
        run_of("lenet5")


def test_every_class_takes_what_its_entry_says():
    for optimizer in OPTIMIZERS.values():
        assert optimizer.keys - {"norm_bias_lr"} <= set(
            inspect.signature(getattr(torch.optim, optimizer.name)).parameters
        )
    assert set(SETTINGS) == {"lr"}.union(*(optimizer.settings for optimizer in OPTIMIZERS.values()))


def test_biases_of_batch_norm_may_have_a_rate_of_their_own_in_every_group(run_of):
    """Each group, such as those of fine-tuning, is divided."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.BatchNorm1d(2, affine=False), nn.Linear(2, 2))
    (first, first_bias), (scale, shift), (last, last_bias) = (network[i].parameters() for i in (0, 1, 3))
    settings = {"lr": 0.1, "weight_decay": 0.01}
    assert with_norm_biases(network, list(network.parameters()), settings, 4) == [
        {"params": [first, first_bias, scale, last, last_bias], "lr": 0.1},
        {"params": [shift], "lr": 0.4, "weight_decay": 0.0025},
    ]
    tuned = [{"params": [last, last_bias], "lr": 0.1}, {"params": [first, first_bias, scale, shift], "lr": 0.01}]
    assert with_norm_biases(network, tuned, settings, 4) == [
        {"params": [last, last_bias], "lr": 0.1},
        {"params": [first, first_bias, scale], "lr": 0.01},
        {"params": [shift], "lr": 0.04, "weight_decay": 0.0025},
    ]
    with pytest.raises(ConfigError, match=r"optimizer.norm_bias_lr, .* is not a setting of adam"):
        run_of("lenet5", "optimizer.name=adam optimizer.lr=0.1 optimizer.norm_bias_lr=2")
