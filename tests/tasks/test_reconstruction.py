"""Reconstruction gets pixels in 0..1, and measures images as a person sees them."""

import copy
import math

import pytest
import torch

from nets.data.batches import UNIT, Batch, Batches
from nets.suite.expansion import load_runs
from nets.tasks import codes
from nets.tasks.reconstruction import SHOWN, Reconstruction, corrupt

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_it_learns(run_of, few_digits, loss):
    torch.manual_seed(0)
    task = Reconstruction(run_of("conv_autoencoder", f"options.loss={loss}"), UNIT, torch.device("cpu"))
    data = Batches(few_digits("train"), UNIT, torch.device("cpu"))
    before = task.evaluate(data).metrics
    for epoch in range(8):
        for batch in data.epoch(32, seed=epoch):
            task.step(batch)
    after = task.evaluate(data).metrics
    assert after["mse"] < before["mse"]
    assert after["psnr"] > before["psnr"]


def test_originals_are_the_test_images_themselves(run_of, few_digits):
    split = few_digits("validation", 64)
    task = Reconstruction(run_of("conv_autoencoder"), UNIT, torch.device("cpu"))
    evaluation = task.evaluate(Batches(split, UNIT, torch.device("cpu")))
    chosen = split.indices[torch.linspace(0, 63, SHOWN).long()]
    assert (evaluation.arrays["originals"] == split.images[chosen]).all()
    assert evaluation.arrays["reconstructions"].shape == (SHOWN, 1, 28, 28)


def test_the_error_that_chooses_weights_is_averaged_in_float64(run_of, few_digits):
    task = Reconstruction(run_of("conv_autoencoder"), UNIT, torch.device("cpu"))
    data = Batches(few_digits("validation", 150), UNIT, torch.device("cpu"))
    with task.frozen():
        seen = codes.encode_split(task.autoencoder, data)
    errors = (seen.images - seen.reconstructions).square().flatten(1).mean(1).tolist()
    assert task.validate(data)["mse"] == pytest.approx(math.fsum(errors) / len(errors), rel=1e-14)


@pytest.fixture
def joint(tmp_path):
    """A function from model and overrides to a task that also classifies the code."""

    def make(model, overrides=""):
        table = tmp_path / "joint.tsv"
        table.write_text(f"{HEADER}{model}\tmnist5k\twith_classifier\t{model}\t0\tmodel.widths=[32] {overrides}\n")
        torch.manual_seed(0)
        return Reconstruction(load_runs(table)[0], UNIT, torch.device("cpu"))

    return make


@pytest.fixture
def data(few_digits):
    return Batches(few_digits("train"), UNIT, torch.device("cpu"))


def test_the_classifiers_gradient_reaches_the_encoder_with_its_weight(joint, data):
    gradients = []
    for weight in (0, 0.1, 0.3):
        task = joint("autoencoder", f"options.classifier_weight={weight}")
        task.losses(next(data.ordered(64)))["loss"].backward()
        gradients.append(task.networks["autoencoder"].encoder[1][0].weight.grad)
    first, second = gradients[1] - gradients[0], gradients[2] - gradients[0]
    assert first.abs().max() > 0
    torch.testing.assert_close(second, 3 * first, rtol=1e-3, atol=1e-7)


def test_one_loss_for_both_outputs_is_that_of_the_notebook(joint, data):
    """784 squared errors and 0.01 KL: of the images, and with weight 0.1 of the classifier's probabilities."""
    task = joint("vae", "options.loss=mse options.beta=0.01 options.classifier_loss=same")
    batch = next(data.ordered(16))
    torch.manual_seed(0)
    losses = task.losses(batch)

    network, classifier = task.networks["autoencoder"], task.networks["latent_classifier"]
    torch.manual_seed(0)
    mean, log_variance = network.encode(batch.images)
    code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
    truth = torch.eye(10)[batch.labels]

    def custom_loss(true, predicted):
        return (784 * (true - predicted).square().flatten(1).mean(1) + 0.01 * kl).mean()

    images = network.image(network.decode(code))
    wanted = custom_loss(batch.images, images) + 0.1 * custom_loss(truth, classifier(code).softmax(1))
    torch.testing.assert_close(losses["loss"], wanted)


@pytest.mark.parametrize("role", ["autoencoder", "latent_classifier"])
@pytest.mark.parametrize("clipping", ["", "clip_norm=1"])
def test_if_one_networks_scaled_gradient_overflows_no_network_takes_the_step(joint, role, clipping):
    """Half a step of a loss that networks share would be a step of neither's loss."""
    task = joint("autoencoder", clipping)
    task.scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    batch = Batch(torch.rand(8, 1, 28, 28), torch.arange(8), torch.arange(8))
    last = list(task.networks[role].parameters())[-1]

    def step():
        before = [parameter.detach().clone() for parameter in task.networks.parameters()]
        task.learn(batch)
        return [not torch.equal(*pair) for pair in zip(before, task.networks.parameters(), strict=True)]

    assert all(step()) and task.scaler.get_scale() == 16
    hook = last.register_hook(lambda gradient: gradient.clone().fill_(torch.inf))
    assert not any(step()) and task.scaler.get_scale() == 8
    hook.remove()
    assert all(step()) and task.scaler.get_scale() == 16


@pytest.mark.parametrize("model", ["autoencoder", "vae"])
def test_a_step_moves_both_networks_and_they_learn_together(joint, data, model):
    task = joint(model, "options.classifier_weight=100 optimizer.lr=0.005")
    before = {role: [p.detach().clone() for p in network.parameters()] for role, network in task.networks.items()}
    for epoch in range(15):
        for batch in data.epoch(32, seed=epoch):
            task.step(batch)
    for role, network in task.networks.items():
        assert not all(torch.equal(p, old) for p, old in zip(network.parameters(), before[role], strict=True))
    assert task.evaluate(data).metrics["top1"] > 40
    assert task.validate(data)["top1"] > 40


def test_the_code_is_probed(run_of, few_digits, data):
    task = Reconstruction(run_of("pca", "model.latent_dim=20"), UNIT, torch.device("cpu"))
    task.step(next(data.ordered(256)))
    values = task.probe(data, Batches(few_digits("test", 300), UNIT, torch.device("cpu")))["test"]
    assert values.keys() == {"probe_top1", "knn_top1"}
    assert all(50 < value < 95 for value in values.values())


@pytest.mark.parametrize("model", ["autoencoder", "vae"])
def test_training_data_have_the_numbers_that_notebooks_print(joint, few_digits, data, model):
    task, unseen = joint(model), Batches(few_digits("test", 100), UNIT, torch.device("cpu"))
    sampled = {"top1_sampled"} if model == "vae" else set()
    values = task.probe(data, unseen)["train"]
    assert values.keys() == {"mse", "objective", "top1"} | sampled
    same = task.evaluate(data).metrics
    for name, value in values.items():
        assert value == pytest.approx(same[name], rel=0.05 if name in {"objective"} | sampled else 1e-6)


def test_images_with_masks_are_reconstructed_without_labels(run_of, few_digits):
    torch.manual_seed(0)
    task = Reconstruction(run_of("vae", "model.widths=[16]", dataset="digit_scenes"), UNIT, torch.device("cpu"))
    scenes = Batches(few_digits("train", 16, masks=True), UNIT, torch.device("cpu"))
    assert task.probe(scenes, scenes)["test"] == {}
    assert "top1" not in task.evaluate(scenes).metrics


def test_interpolations_begin_and_end_at_reconstructions(run_of, data):
    torch.manual_seed(0)
    task = Reconstruction(run_of("autoencoder", "model.widths=[32]"), UNIT, torch.device("cpu"))
    arrays = task.evaluate(data).arrays
    paths = arrays["interpolations"].reshape(6, 8, 1, 28, 28).astype(int)
    shown = arrays["reconstructions"].astype(int)
    assert abs(paths[:, 0] - shown[0:6]).max() <= 1
    assert abs(paths[:, -1] - shown[8:14]).max() <= 1
    assert len(arrays["errors"]) == len(arrays["labels"]) == 256


def test_the_grid_of_a_vae_is_the_priors_quantiles():
    seen = codes.Encoded(*[torch.zeros(1)] * 5, variational=True)
    points = codes.grid(seen)
    assert points.shape == (codes.SIDE**2, 2)
    assert torch.allclose(points[codes.SIDE**2 // 2], torch.zeros(2), atol=1e-6)
    assert points[0, 0] < 0 < points[0, 1]  # upper left
    shares = torch.distributions.Normal(0, 1).cdf(points[: codes.SIDE, 0])
    assert torch.allclose(shares, (torch.arange(codes.SIDE) + 0.5) / codes.SIDE, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "noisy"),
    [
        ("masking", lambda images: torch.where(torch.rand(images.shape) < 0.3, 0, images)),
        ("gaussian", lambda images: images + torch.normal(0, 0.3, images.shape)),
    ],
)
def test_a_denoising_step_sees_noise_and_draws_clean_images(run_of, data, kind, noisy):
    run = run_of("autoencoder", f"options.noise=0.3 options.noise_kind={kind}")
    task = Reconstruction(run, UNIT, torch.device("cpu"))
    network, batch = copy.deepcopy(task.autoencoder), next(data.ordered(64))
    batch = batch._replace(images=batch.images.contiguous())
    torch.manual_seed(4)
    loss = (network(noisy(batch.images)).sigmoid() - batch.images).square().mean()
    loss.backward()
    task.optimizers["autoencoder"].step = lambda: None  # keeps the gradients as they are
    torch.manual_seed(4)
    found = task.step(batch)["loss"]
    torch.testing.assert_close(found, loss.detach())
    for ours, theirs in zip(task.autoencoder.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)


def test_masking_hides_its_share_and_changes_nothing_else():
    images = torch.rand(50, 1, 28, 28) + 0.1
    seen = corrupt(images, 0.25, "masking")
    hidden = seen == 0
    assert hidden.float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert torch.equal(seen[~hidden], images[~hidden])


def test_noise_is_for_training_alone(run_of, data):
    values = []
    for overrides in ("", "options.noise=0.5"):
        torch.manual_seed(0)
        task = Reconstruction(run_of("autoencoder", overrides), UNIT, torch.device("cpu"))
        values.append((task.validate(data), task.evaluate(data).metrics, task.probe(data, data)))
    assert values[0] == values[1]


def test_without_noise_no_random_number_is_drawn(run_of, data):
    task = Reconstruction(run_of("autoencoder"), UNIT, torch.device("cpu"))
    before = torch.get_rng_state()
    task.step(next(data.ordered(64)))
    assert torch.equal(torch.get_rng_state(), before)
