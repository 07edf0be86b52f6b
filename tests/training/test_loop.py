"""The loop: the same bits twice and after an interruption; it detects divergence and chooses weights by validation."""

import io

import pytest
import torch

from nets.data.batches import Batches
from nets.machine.progress import Progress
from nets.tasks import task_class
from nets.training.checkpoints import Checkpoints
from nets.training.loop import FRAMES, Diverged, Training
from nets.training.numerics import choose_device

SHORT = "batch_size=32 "
MODELS = {
    "lenet5": SHORT + "epochs=3 augment.crop_padding=2 augment.cutout=6 ema=0.9",
    "conv_autoencoder": SHORT + "epochs=2",
    "vae": SHORT + "epochs=2 model.widths=[32]",
    "dcgan": SHORT + "epochs=2 model.width=4",
    "unet": SHORT + "epochs=2 model.width=4 model.depth=1",
    "wgan_gp": "batch_size=16 epochs=2 model.width=4 options.n_critic=2",
    "ddpm": "batch_size=16 epochs=1 schedule.warmup_epochs=0 ema=0.9 options.timesteps=2 "
    "model.width=4 model.multipliers=[1,2] model.blocks=1 model.attention=[]",
}
DATASETS = {"unet": "digit_scenes"}  # all others: mnist5k


def training_of(run, few_digits, folder, checkpoint_seconds=60.0, replays=False) -> Training:
    device = choose_device(1)
    torch.manual_seed(run.seed)
    kind = task_class(run)
    masks = run.task == "segmentation"
    train, validation = few_digits("train", masks=masks), few_digits("validation", 128, masks)
    pixels = kind.pixel_range(train.info)
    task = kind(run, pixels, device)
    data = {
        "train": Batches(train, pixels, device, run.recipe.augment),
        "validation": Batches(validation, pixels, device),
    }
    checkpoints = Checkpoints(folder, run.digest, "cpu-float32")
    return Training(
        task, data, checkpoints, Progress(run.name, terminal=io.StringIO()), checkpoint_seconds, replays=replays
    )


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def outcome(training: Training):
    """All that a run leaves, without its times."""
    state = training.run()
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in state.history]
    return training.task.networks.state_dict(), history, state.snapshots, state.best and state.best.weights


@pytest.mark.parametrize("model", MODELS)
def test_twice_the_same_bits_and_another_seed_other_bits(model, run_of, few_digits, tmp_path):
    dataset = DATASETS.get(model, "mnist5k")
    run = run_of(model, MODELS[model], dataset=dataset)
    first = outcome(training_of(run, few_digits, tmp_path / "a"))
    second = outcome(training_of(run, few_digits, tmp_path / "b"))
    other = outcome(training_of(run_of(model, MODELS[model], 1, dataset), few_digits, tmp_path / "c"))
    assert same(first[0], second[0])
    assert first[1] == second[1]
    assert same(first[2], second[2])
    assert not same(first[0], other[0])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("breaks", [(1,), (3, 4, 5)])
def test_broken_off_and_continued_the_same_bits(model, breaks, run_of, few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr("nets.training.loop.CHECK_EVERY", 1)
    run = run_of(model, MODELS[model], dataset=DATASETS.get(model, "mnist5k"))
    whole = outcome(training_of(run, few_digits, tmp_path / "whole"))
    for limit in breaks:
        broken = training_of(run, few_digits, tmp_path / "broken", checkpoint_seconds=0)
        step, calls = broken.task.step, iter(range(limit))

        def failing(batch, step=step, calls=calls):
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return step(batch)

        broken.task.step = failing
        with pytest.raises(KeyboardInterrupt):
            broken.run()
    continued = training_of(run, few_digits, tmp_path / "broken")
    assert continued.state.resumed == len(breaks)
    assert continued.state.step > 0
    resumed = outcome(continued)
    assert same(whole[0], resumed[0])
    assert whole[1] == resumed[1]
    assert same(whole[2], resumed[2])
    assert (whole[3] is None) == (resumed[3] is None)
    assert whole[3] is None or same(whole[3], resumed[3])


def test_divergence_is_noticed_at_once(run_of, few_digits, tmp_path):
    training = training_of(run_of("lenet5", "epochs=50 optimizer.lr=1e38"), few_digits, tmp_path)
    with pytest.raises(Diverged, match="loss was no longer finite in epoch 1"):
        training.run()


def test_best_weights_are_those_of_the_best_validation_epoch(run_of, few_digits, tmp_path):
    training = training_of(run_of("lenet5", "epochs=4 batch_size=32"), few_digits, tmp_path)
    state = training.run()
    scores = [row["validation/top1"] for row in state.history]
    assert state.best.value == max(scores)
    assert state.best.epoch == 1 + scores.index(max(scores))
    training.task.networks.load_state_dict(state.best.weights)
    assert training.task.validate(training.data["validation"])["top1"] == max(scores)


def test_the_average_is_what_is_validated_and_kept(run_of, few_digits, tmp_path):
    plain = training_of(run_of("lenet5", "epochs=2 batch_size=32"), few_digits, tmp_path)
    losses = [row["train/loss"] for row in plain.run().history]
    training = training_of(run_of("lenet5", "epochs=2 batch_size=32 ema=0.95"), few_digits, tmp_path)
    history = training.run().history
    assert [row["train/loss"] for row in history] == losses  # the average does not affect training itself
    assert same(training.task.networks.state_dict(), training.average.weights)
    assert not same(training.task.networks.state_dict(), plain.task.networks.state_dict())
    assert training.task.validate(training.data["validation"])["loss"] == history[-1]["validation/loss"]
    assert training.state.best.epoch < 2 or same(training.state.best.weights, training.average.weights)


def test_snapshots_begin_before_training_and_end_after_it(run_of, few_digits, tmp_path):
    few = training_of(run_of("dcgan", "epochs=3 model.width=4"), few_digits, tmp_path / "a")
    assert list(few.run().snapshots) == [0, 1, 2, 3]
    many = training_of(run_of("dcgan", "epochs=60 batch_size=256 model.width=4"), few_digits, tmp_path / "b")
    epochs = list(many.run().snapshots)
    assert len(epochs) == FRAMES
    assert (epochs[0], epochs[-1]) == (0, 60)


def test_the_schedule_sets_the_rates(run_of, few_digits, tmp_path):
    overrides = "epochs=3 optimizer.lr=0.1 schedule.name=step schedule.milestones=[2]"
    history = training_of(run_of("lenet5", overrides), few_digits, tmp_path).run().history
    assert [row["lr/classifier"] for row in history] == pytest.approx([0.1, 0.1, 0.01])
