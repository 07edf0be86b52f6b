"""A denoiser learns the noise; seed, sampler and steps determine its samples."""

import pytest
import torch

from nets.data.batches import SYMMETRIC, Batches
from nets.tasks import diffusion
from nets.tasks.diffusion import DRAFT, DRAWN, STAGES, Diffusion

TINY = "model.width=4 model.multipliers=[1,2] model.blocks=1 model.attention=[] model.dropout=0 options.timesteps=20 "
DDIM = "options.sampler=ddim options.sampling_steps=5 "


def build(run_of, overrides=""):
    torch.manual_seed(0)
    last = {item.partition("=")[0]: item for item in (TINY + overrides).split()}  # the last one for each key
    return Diffusion(run_of("ddpm", " ".join(last.values())), SYMMETRIC, torch.device("cpu"))


@pytest.fixture
def batch(few_digits):
    return next(Batches(few_digits("train"), SYMMETRIC, torch.device("cpu")).ordered(16))


def test_it_learns(run_of, batch, few_digits):
    task = build(run_of, "optimizer.lr=0.01")
    data = Batches(few_digits("validation", 64), SYMMETRIC, torch.device("cpu"))
    before = task.validate(data)["loss"]
    assert before == pytest.approx(1, abs=0.05)  # at first it predicts 0 where the noise has variance 1
    for _ in range(25):
        task.step(batch)
    assert task.validate(data)["loss"] < 0.7 * before
    assert task.validate(data) == task.validate(data)


def test_the_loss_is_of_the_noise_that_was_added(run_of, batch):
    task = build(run_of)
    times, noise = torch.arange(16), torch.randn(batch.images.shape)
    task.networks["denoiser"].forward = lambda noisy, t: task.process.predict_noise(noisy, t, batch.images)
    assert task.loss(batch.images, times, noise).item() < 1e-6
    task.networks["denoiser"].forward = lambda noisy, t: torch.zeros_like(noisy)
    assert task.loss(batch.images, times, noise).item() == pytest.approx(noise.square().mean().item())


def test_a_step_asks_for_all_times(run_of, batch):
    task, seen = build(run_of), []
    loss = task.loss
    task.loss = lambda images, times, noise: seen.append(times) or loss(images, times, noise)
    for _ in range(15):
        task.step(batch)
    assert set(torch.cat(seen).tolist()) == set(range(20))


@pytest.mark.parametrize("sampler", ["options.sampler=ancestral", DDIM, DDIM + "options.eta=1"])
def test_samples_are_fixed_by_seed(run_of, sampler):
    task = build(run_of, sampler)
    first, again, other = (task.sample(3, seed) for seed in (1, 1, 2))
    assert first.shape == (3, 1, 28, 28)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    task.sample(2, seed=0)
    assert torch.equal(torch.randn(4), expected)  # the training noise is untouched


@pytest.mark.parametrize(
    ("sampler", "calls"), [("options.sampler=ancestral", 20), ("options.sampling_steps=6", 6), (DDIM, 5)]
)
def test_passports_say_how_samples_are_drawn(run_of, sampler, calls):
    task, seen = build(run_of, sampler + " options.samples=64 ema=0.99"), []
    denoise = task.denoise
    task.denoise = lambda noisy, times: seen.append(times) or denoise(noisy, times)
    task.sample(2, seed=0)
    passport = task.sampling()
    assert len(seen) == passport["steps"] == calls
    assert passport["samples"] == 64
    assert passport["ema"] == 0.99
    assert passport["sampler"] == ("DDIM, eta 0" if sampler == DDIM else "ancestral")


def test_dropout_is_off_while_sampling(run_of):
    task = build(run_of, DDIM + "model.dropout=0.9")
    torch.nn.init.normal_(task.networks["denoiser"].output.weight)
    task.networks.train()
    assert torch.equal(task.sample(2, seed=0), task.sample(2, seed=0))
    assert not task.networks.training


def test_the_way_out_of_the_noise_is_shown(run_of, batch):
    task = build(run_of, DDIM)
    arrays = task.evaluate(None).arrays
    assert arrays["denoising"].shape == (DRAWN, STAGES, 1, 28, 28)
    spread = arrays["denoising"].astype(float).std(axis=(0, 2, 3, 4))
    assert spread[0] > 80  # noise of variance 1 in the range -1..1, clipped to 0..255
    assert arrays["samples"].shape == (256, 1, 28, 28)


def test_ancestral_sampling_takes_any_number_of_steps(run_of):
    """With fewer than all steps: DDIM with eta 1, which with all steps is ancestral sampling."""
    few, ddim, whole = (
        build(run_of, f"options.{options}")
        for options in (
            "sampling_steps=7",
            "sampling_steps=7 options.sampler=ddim options.eta=1",
            "sampling_steps=null",
        )
    )
    assert torch.equal(few.sample(2, seed=1), ddim.sample(2, seed=1))
    assert not torch.equal(few.sample(2, seed=1), whole.sample(2, seed=1))
    assert (few.sampling()["sampler"], few.sampling()["steps"]) == ("ancestral", 7)
    assert (whole.sampling()["sampler"], whole.sampling()["steps"]) == ("ancestral", 20)


def test_what_is_drawn_while_it_learns_takes_few_steps(run_of):
    task, seen = build(run_of, "options.timesteps=100"), []
    denoise = task.denoise
    task.denoise = lambda noisy, times: seen.append(times) or denoise(noisy, times)
    assert torch.equal(task.draft(3, seed=1), task.draft(3, seed=1))
    assert len(seen) == 2 * DRAFT


def test_what_is_drawn_for_figures_is_drawn_without_dropout(run_of, few_digits, monkeypatch):
    """An evaluation begins with networks as they are built: in training mode."""
    monkeypatch.setattr(diffusion, "SHOWN", 4)
    task = build(run_of, "model.dropout=0.5 options.timesteps=4")
    for parameter in task.networks.parameters():  # layers that begin with 0 would hide it
        torch.nn.init.normal_(parameter, std=0.2)
    data = Batches(few_digits("validation", 8), SYMMETRIC, torch.device("cpu"))
    drawn = []
    for _ in range(2):
        task.networks.train()
        drawn.append(task.evaluate(data).arrays)
    for name, images in drawn[0].items():
        assert (images == drawn[1][name]).all(), name
