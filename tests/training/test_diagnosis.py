"""What a diverged run says: the first thing that was not finite, and what helps."""

import json
from dataclasses import replace

import pytest
import torch

from nets.tasks.classification import Classification
from nets.training import session
from nets.training.session import JobSettings, Session


@pytest.fixture
def reason(run_of, few, tmp_path):
    """A function from overrides to the reason why LeNet-5 diverges."""

    def train(overrides="epochs=2"):
        run = run_of("lenet5", overrides)
        opened = Session(run, tmp_path / run.name, few, torch.device("cpu"), settings=JobSettings(retry=""))
        session.train(opened)
        manifest = json.loads((opened.folder / "manifest.json").read_text())
        assert manifest["status"] == "diverged"
        return manifest["reason"]

    return train


def test_a_learning_rate_that_is_too_high(reason):
    text = reason("epochs=2 optimizer.lr=1e38")
    assert text.endswith("; lower optimizer.lr.") and "from" in text, text


def test_images(reason, monkeypatch):
    kind = session.task_class
    monkeypatch.setattr(session, "task_class", lambda run: zero_deviation(kind(run)))
    assert reason() == (
        "Channel 0 of the training images is not finite: its standard deviation is 0, so that standardising divides by "
        "0; mend the data set."
    )


def zero_deviation(kind):
    class Flat(kind):
        @staticmethod
        def pixel_range(info):
            return replace(kind.pixel_range(info), std=(0.0,))

    return Flat


def test_the_loss_of_the_first_step(reason, monkeypatch):
    monkeypatch.setattr(Classification, "loss", lambda self, logits, labels: logits.sum() * 0 + float("inf"))
    text = reason()
    assert text.startswith("train/loss was not finite at step 1, in epoch 1"), text
    assert "lowering optimizer.lr can't help" in text


def test_a_loss_that_is_not_defined_everywhere(reason, monkeypatch):
    calls = iter([False] * 7 + [True] + [False] * 9 + [True])
    real = Classification.loss
    monkeypatch.setattr(
        Classification, "loss", lambda self, x, y: real(self, x, y) + (float("nan") if next(calls, False) else 0)
    )
    text = reason()
    assert text.startswith("train/loss was not finite at step 8, in epoch 1, although images and weights were"), text
    assert "optimizer.lr" not in text


def test_a_gradient(reason, monkeypatch):
    real = Classification.loss
    monkeypatch.setattr(Classification, "loss", lambda self, x, y: real(self, x, y) + (x.sum() * 0).sqrt())
    text = reason()
    assert text.startswith("The gradient of classifier."), text
    assert "although the losses were; look for a square root" in text


def test_the_weights_before_the_first_step(reason, monkeypatch):
    real = session.build

    def build(opened):
        task = real(opened)
        next(task.networks.parameters()).data[0] = float("nan")
        return task

    monkeypatch.setattr(session, "build", build)
    assert "was not finite before the first step; look at how the network is initialised" in reason()


def test_validation(reason, monkeypatch):
    monkeypatch.setattr(Classification, "validate", lambda self, data: {"loss": float("nan"), "top1": 1.0})
    assert reason().startswith(
        "validation/loss was not finite in epoch 1, although images, training losses and weights"
    )


def test_what_cannot_be_found_again_keeps_its_words(reason, monkeypatch):
    calls = iter([True])
    real = Classification.validate
    monkeypatch.setattr(
        Classification,
        "validate",
        lambda self, data: {"loss": float("nan"), "top1": 1.0} if next(calls, False) else real(self, data),
    )
    assert reason() == "validation/loss was no longer finite in epoch 1."
