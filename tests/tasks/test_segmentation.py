"""Segmentation learns scenes, ignores void pixels, and measures a split as a whole."""

import pytest
import torch

from nets.data.batches import Batch, Batches
from nets.tasks.segmentation import SHOWN, VOID, Segmentation, cross_entropy

CPU = torch.device("cpu")
SMALL = "model.width=8 model.depth=2 model.batch_norm=true model.dropout=0 batch_size=16 optimizer.lr=0.005"


@pytest.fixture
def make(run_of, few_digits):
    def task(model="unet", overrides=SMALL):
        torch.manual_seed(0)
        run = run_of(model, overrides, dataset="digit_scenes")
        return Segmentation(run, Segmentation.pixel_range(few_digits("train", masks=True).info), CPU)

    return task


@pytest.fixture
def data(few_digits, make):
    return Batches(few_digits("train", 48, masks=True), make().pixels, CPU)


def test_it_learns(make, data):
    task = make()
    before = task.validate(data)
    for epoch in range(6):
        for batch in data.epoch(16, seed=epoch):
            task.step(batch)
    after = task.validate(data)
    assert after["loss"] < 0.8 * before["loss"]
    assert after["miou"] > before["miou"]


@pytest.mark.parametrize("model", ["fcn32s", "fcn16s", "fcn8s", "unet", "unet_valid"])
def test_every_network_takes_a_step_on_images_that_are_not_square(model, make):
    small = "model.width=4 model.depth=2" if "unet" in model else "model.widths=[4,4,4,8,8] model.head_width=8"
    task = make(model, small)
    images, masks = torch.randn(2, 1, 37, 50), torch.randint(-1, 11, (2, 37, 50))
    assert task.step(Batch(images, torch.full((2,), -1), torch.arange(2), masks))["loss"].isfinite()
    assert task.macs()["segmenter"] > 0


def test_void_changes_nothing():
    logits, masks = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 5, 6))
    expected = torch.nn.functional.cross_entropy(logits[:, :, :3], masks[:, :3])
    masks[:, 3:] = -1
    torch.testing.assert_close(cross_entropy(logits, masks), expected)


def test_a_batch_of_void_alone_teaches_nothing():
    logits = torch.randn(2, 4, 5, 6, requires_grad=True)
    loss = cross_entropy(logits, torch.full((2, 5, 6), -1))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_the_loss_of_unequal_batches_is_that_of_the_whole(make, data):
    task = make(overrides=SMALL.replace("batch_size=16", "batch_size=20"))  # 48 samples: 20, 20 and 8
    (whole,) = data.ordered()
    with torch.no_grad():
        task.networks.eval()
        expected = cross_entropy(task.networks["segmenter"](whole.images), whole.masks).item()
    assert task.validate(data)["loss"] == pytest.approx(expected, rel=1e-5)


def test_evaluation(make, data, few_digits):
    evaluation = make().evaluate(data)
    assert set(evaluation.metrics) == {"miou", "dice", "pixel_accuracy", "boundary_f1"}
    assert all(0 <= value <= 100 for value in evaluation.metrics.values())
    split = few_digits("train", 48, masks=True)
    chosen = split.indices[torch.linspace(0, 47, SHOWN).long()]
    assert (evaluation.arrays["images"] == split.images[chosen]).all()
    assert (evaluation.arrays["truths"] == split.masks[chosen]).all()
    assert evaluation.arrays["predictions"].shape == (SHOWN, 64, 64) and evaluation.arrays["class_iou"].shape == (11,)
    data.info = data.info | {"void": 0}
    assert (make().show(data)["truths"] == VOID).any()


def test_a_run_below_a_constant_answer_has_failed(make, few_digits):
    task, info = make(), few_digits("train", 2, masks=True).info
    pixels = info["class_pixels"]["validation"]
    constant = 100 * max(pixels) / sum(pixels) / sum(count > 0 for count in pixels)
    assert f"can reach {constant:.1f} %" in task.failure([{"validation/miou": constant - 0.1}], info)
    assert task.failure([{"validation/miou": constant + 0.1}], info) is None
    info = info | {"class_pixels": {"validation": [95, 5, *[0] * 9]}}  # ground alone reaches 95 and 0, of two classes
    assert "one class for all pixels can reach 47.5 %" in task.failure([{"validation/miou": 47.4}], info)
    assert task.failure([{"validation/miou": 47.6}], info) is None
