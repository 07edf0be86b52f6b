"""An optimizer is one entry of a table: schema, checks and training read it."""

import inspect

import pytest
import torch

from nets.data.batches import Batches, PixelRange
from nets.errors import ConfigError
from nets.optimizers import OPTIMIZERS, SETTINGS, Optimizer
from nets.suite import catalogues
from nets.tasks.classification import Classification


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
        assert optimizer.keys <= set(inspect.signature(getattr(torch.optim, optimizer.name)).parameters)
    assert set(SETTINGS) == {"lr"}.union(*(optimizer.settings for optimizer in OPTIMIZERS.values()))
