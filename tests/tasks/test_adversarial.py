"""Each update changes one of the two networks, and leaves the other's weights and gradients alone."""

import dataclasses
import inspect

import pytest
import torch
import yaml

from nets.data.batches import SYMMETRIC, Batch, Batches
from nets.errors import UserError
from nets.run import Network
from nets.suite.catalogues import ROOT
from nets.tasks.adversarial import Adversarial
from nets.tasks.convolutions import known_bad
from nets.tasks.latents import interpolate
from nets.tasks.networks import import_class

MODELS = yaml.safe_load((ROOT / "config/models.yaml").read_text())


@pytest.fixture
def task(run_of):
    torch.manual_seed(0)
    return Adversarial(run_of("dcgan", "model.width=4"), SYMMETRIC, torch.device("cpu"))


@pytest.fixture
def batch(few_digits):
    return next(Batches(few_digits("train"), SYMMETRIC, torch.device("cpu")).ordered(32))


def weights(task, role):
    return [p.detach().clone() for p in task.networks[role].parameters()]


def changed(task, role, before):
    return any(not torch.equal(p, old) for p, old in zip(task.networks[role].parameters(), before, strict=True))


def gradients(task, role):
    return [p.grad.clone() for p in task.networks[role].parameters() if p.grad is not None]


@pytest.mark.parametrize("model", ["dcgan", "wgan", "wgan_gp"])
def test_neither_network_gets_gradients_from_the_others_update(run_of, batch, model):
    """In whole steps: at each update, the other network keeps its weights and gradients."""
    torch.manual_seed(0)
    task = Adversarial(run_of(model, "model.width=4 batch_size=16"), SYMMETRIC, torch.device("cpu"))
    update, updates = task.update, []

    def watched(role, loss):
        other = ({"generator", "discriminator"} - {role}).pop()
        seen, kept = gradients(task, other), weights(task, other)
        update(role, loss)
        now = gradients(task, other)
        assert len(now) == len(seen) and all(torch.equal(*pair) for pair in zip(now, seen, strict=True)), role
        assert not changed(task, other, kept)
        updates.append(role)

    task.update = watched
    images = torch.rand(task.batch_size, 1, 28, 28) * 2 - 1
    for _ in range(2):
        task.step(Batch(images, None, None))
    assert updates == 2 * (["discriminator"] * task.options["n_critic"] + ["generator"])


def test_the_generators_step_leaves_the_discriminator_alone(task):
    before = weights(task, "discriminator")
    generator_before = weights(task, "generator")
    task.train_generator(task.networks["generator"](task.latents(32)))
    assert all(p.grad is None for p in task.networks["discriminator"].parameters())
    assert not changed(task, "discriminator", before)
    assert changed(task, "generator", generator_before)
    assert all(p.requires_grad for p in task.networks["discriminator"].parameters())


def test_a_step_moves_both(task, batch):
    before = {role: weights(task, role) for role in task.networks}
    losses = task.step(batch)
    assert all(changed(task, role, before[role]) for role in before)
    assert all(loss.isfinite() and not loss.requires_grad for loss in losses.values())


@pytest.mark.parametrize("loss", ["non_saturating", "minimax"])
def test_both_games_pull_the_generator_the_same_way(run_of, loss):
    """Each loss falls when the discriminator finds samples more real, whatever the slope of the loss."""
    torch.manual_seed(0)
    task = Adversarial(run_of("dcgan", f"model.width=4 options.loss={loss}"), SYMMETRIC, torch.device("cpu"))
    task.discriminate = lambda images: images.flatten(1).mean(1)  # finds bright images real
    latents = task.latents(64)
    before = task.networks["generator"](latents).mean()
    for _ in range(5):
        task.train_generator(task.networks["generator"](latents))
    assert task.networks["generator"](latents).mean() > before


def test_samples_are_fixed_by_seed_and_drawn_in_evaluation_mode(task):
    first, again, other = task.sample(6, seed=1), task.sample(6, seed=1), task.sample(6, seed=2)
    assert first.dtype == torch.uint8
    assert first.shape == (6, 1, 28, 28)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    alone = task.sample(3, seed=1).int()  # the other samples don't matter: no batch statistics
    assert (alone - first[:3].int()).abs().max() <= 1


def test_sampling_does_not_touch_the_training_noise(task):
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    task.sample(10, seed=0)
    assert torch.equal(torch.randn(4), expected)


CLASSIFIERS = {name: entry for name, entry in MODELS.items() if entry["task"] == "classification"}


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_any_classifier_with_one_output_can_judge(run_of, model):
    """All models of the catalogue, with few channels."""
    entry = CLASSIFIERS[model]["networks"]["classifier"]
    default = inspect.signature(import_class(entry["class"])).parameters.get("width")
    width = {} if default is None else {"width": 0.0625 if isinstance(default.default, float) else 4}
    run = run_of("dcgan", "model.width=4 batch_size=4", dataset="polynomials")
    run.networks["discriminator"] = Network(entry["class"], entry["args"] | width)
    torch.manual_seed(0)
    task = Adversarial(run, SYMMETRIC, torch.device("cpu"))
    assert not any(map(known_bad, task.convolutions()))
    before = weights(task, "discriminator")
    images = torch.rand(4, 1, 40, 40) * 2 - 1
    assert all(loss.isfinite() for loss in task.step(Batch(images, None, None)).values())
    assert changed(task, "discriminator", before)


def build(run_of, model, overrides="model.width=4"):
    torch.manual_seed(0)
    return Adversarial(run_of(model, overrides), SYMMETRIC, torch.device("cpu"))


@pytest.mark.parametrize("n_critic", [1, 3])
def test_the_critic_moves_n_times_for_each_move_of_the_generator(run_of, few_digits, n_critic):
    task = build(run_of, "wgan", f"model.width=4 batch_size=16 options.n_critic={n_critic}")
    seen, moved = [], []
    discriminate, update = task.train_discriminator, task.update
    task.train_discriminator = lambda real, generated: seen.append(real) or discriminate(real, generated)
    task.update = lambda role, loss: moved.append(role) or update(role, loss)
    data = Batches(few_digits("train"), SYMMETRIC, torch.device("cpu"))
    for batch in list(data.epoch(task.batch_size, seed=0))[:2]:
        task.step(batch)
    assert moved == 2 * (["discriminator"] * n_critic + ["generator"])
    assert [len(real) for real in seen] == [16] * 2 * n_critic
    assert len(torch.cat(seen).flatten(1).unique(dim=0)) == 32 * n_critic  # each update has its own real images


def test_critic_losses_are_the_papers(run_of, batch):
    task = build(run_of, "wgan", "model.width=4 options.n_critic=1")
    task.update = lambda role, loss: None
    task.discriminate = lambda images: images.flatten(1).sum(1)
    real, generated = torch.full((4, 1, 28, 28), 0.5), torch.full((4, 1, 28, 28), 0.25)
    assert task.train_discriminator(real, generated).item() == pytest.approx(784 * (0.25 - 0.5))
    assert task.train_generator(generated).item() == pytest.approx(-784 * 0.25)


def test_weights_are_clipped_after_every_step_of_the_critic(run_of, batch):
    task = build(run_of, "wgan", "model.width=4 options.clip=0.02 optimizer.lr=0.01")
    generated = task.networks["generator"](task.latents(32)).detach()
    for _ in range(3):
        task.train_discriminator(batch.images, generated)
        largest = max(p.abs().max().item() for p in task.networks["discriminator"].parameters())
        assert largest == pytest.approx(0.02)
    assert max(p.abs().max().item() for p in task.networks["generator"].parameters()) > 0.05


def test_the_slope_penalty_of_a_linear_critic_is_known(run_of):
    """D(x) = w x has slope |w| everywhere; the penalty's derivative with respect to w is 2 (|w| - 1) w / |w|."""
    task = build(run_of, "wgan_gp")
    w = torch.tensor([0.0, 3.0, 4.0, 0.0], requires_grad=True)
    task.discriminate = lambda images: images.flatten(1) @ w
    real, generated = torch.randn(8, 1, 2, 2), torch.randn(8, 1, 2, 2)
    penalty = task.slope_penalty(real, generated)
    assert penalty.item() == pytest.approx((5 - 1) ** 2)
    (slope,) = torch.autograd.grad(penalty, w)
    torch.testing.assert_close(slope, 2 * (5 - 1) * w.detach() / 5)


def test_the_slope_is_taken_between_real_and_generated_images(run_of):
    task = build(run_of, "wgan_gp")
    seen = []
    task.discriminate = lambda images: seen.append(images.detach()) or images.square().flatten(1).sum(1)
    task.slope_penalty(torch.ones(200, 1, 2, 2), torch.zeros(200, 1, 2, 2))
    share = seen[0].flatten(1)
    assert torch.equal(share, share[:, :1].expand(-1, 4))  # one point on the line per image
    assert share.min() >= 0 and share.max() <= 1 and share.std() > 0.2


def test_the_penalty_reaches_the_critics_weights(run_of, batch):
    """The second derivative; without it the critic would see the penalty as a constant."""
    task = build(run_of, "wgan_gp")
    task.slope_penalty(batch.images, torch.randn_like(batch.images)).backward()
    grads = [p.grad for name, p in task.networks["discriminator"].named_parameters() if name.endswith("0.weight")]
    assert grads and all(grad.any() and grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize(
    "model", ["gan", "teaching_dcgan_mnist", "teaching_dcgan_polynomials", "teaching_wgan_polynomials"]
)
def test_every_pair_of_the_catalogue_plays(model, run_of):
    dataset = "polynomials" if "polynomials" in model else "mnist5k"
    run = run_of(model, "model.width=4 batch_size=4", dataset=dataset)
    task = Adversarial(run, SYMMETRIC, torch.device("cpu"))
    images = torch.rand(task.batch_size, *run.shape) * 2 - 1
    assert all(loss.isfinite() for loss in task.step(Batch(images, None, None)).values())
    assert task.sample(2, seed=0).shape == (2, *run.shape)


def test_interpolation_follows_the_sphere_and_ends_where_it_should():
    starts, ends = torch.tensor([[2.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 2.0], [3.0, 0.0]])
    points = interpolate(starts, ends, 5).view(2, 5, 2)
    torch.testing.assert_close(points[:, 0], starts)
    torch.testing.assert_close(points[:, -1], ends)
    torch.testing.assert_close(points[0].norm(dim=1), torch.full((5,), 2.0))
    torch.testing.assert_close(points[1], torch.tensor([[1.0, 0], [1.5, 0], [2, 0], [2.5, 0], [3, 0]]))  # a line


@pytest.mark.parametrize("path", ["nets.models.dcgan.Discriminator", "nets.models.wgan.Critic"])
def test_a_gradient_penalty_needs_a_critic_that_sees_single_images(run_of, path):
    run = run_of("wgan_gp", "model.width=4")
    networks = run.networks | {"discriminator": Network(path, {"width": 4})}
    task = Adversarial(dataclasses.replace(run, networks=networks), SYMMETRIC, torch.device("cpu"))
    buffers = [buffer.clone() for buffer in task.networks.buffers()]
    state = torch.get_rng_state()
    if path.endswith("Critic"):
        task.check()
    else:
        with pytest.raises(UserError, match=r"dcgan.Discriminator mixes the images of a batch, as batch normalisation"):
            task.check()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(now, then) for now, then in zip(task.networks.buffers(), buffers, strict=True))
    assert all(parameter.grad is None for parameter in task.networks.parameters())
