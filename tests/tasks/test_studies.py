"""What the option `measure` asks for, against other computations of the same."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nets import evaluation
from nets.data.batches import SYMMETRIC, UNIT, Batches
from nets.errors import ConfigError
from nets.jobs import train
from nets.metrics.metric import all_metrics
from nets.metrics.studies import principal_angles
from nets.models.unet import UNetAutoencoder
from nets.tasks.adversarial import STEPS, Adversarial, generator_loss
from nets.tasks.classification import Classification, by_classes
from nets.tasks.diffusion import Diffusion
from nets.tasks.estimators import estimates, variances
from nets.tasks.gradients import layer_gradients
from nets.tasks.reconstruction import Reconstruction, SampledReconstruction
from nets.tasks.segmentation import Segmentation
from nets.training.outputs import write_weights

CPU = torch.device("cpu")


def split(few_digits, pixels=UNIT, name="train", count=256, masks=False):
    return Batches(few_digits(name, count, masks), pixels, CPU)


@pytest.fixture
def classifier(run_of, few_digits):
    """A function from overrides to a LeNet-5 as it is before training, and 250 training images."""

    def build(overrides):
        torch.manual_seed(0)
        task = Classification(run_of("lenet5", overrides), Classification.pixel_range(few_digits("train").info), CPU)
        return task, Batches(few_digits("train", 250), task.pixels, CPU)

    return build


# Classifiers --------------------------------------------------------------------------------------


def test_gradients_are_those_of_the_loss_in_the_order_of_the_layers(classifier):
    task, data = classifier("options.measure=[gradients] model.repeats=2")
    found = task.study(data, data)["train"]
    layers = ["c1", "c1_again.0", "c3", "c3_again.0", "c5", "c5_again.0", "f6", "f6_again.0", "output"]
    assert found.arrays["gradient_layers"].tolist() == layers
    network, batch = task.networks["classifier"], data.take(data.order)
    F.cross_entropy(network(batch.images), batch.labels).backward()
    expected = [network.get_submodule(name).weight.grad.pow(2).mean().sqrt().item() for name in layers]
    assert found.arrays["gradients_end"] == pytest.approx(expected, rel=1e-4)
    assert found.arrays["gradients_start"] == pytest.approx(expected, rel=1e-4)  # it has not learned yet
    assert found.metrics["gradient_first_end"] == pytest.approx(math.log10(expected[0]), abs=1e-4)
    assert found.metrics["gradient_ratio_start"] == pytest.approx(math.log10(expected[0] / expected[-1]), abs=1e-4)


def test_the_start_is_the_run_before_its_first_step(classifier):
    task, data = classifier("options.measure=[gradients]")
    before = task.study(data, data)["train"].arrays
    for batch in data.epoch(50, seed=0):
        task.step(batch)
    weights = {name: value.clone() for name, value in task.networks.state_dict().items()}
    torch.manual_seed(7)
    after = task.study(data, data)["train"].arrays
    assert np.array_equal(after["gradients_start"], before["gradients_start"])
    assert not np.allclose(after["gradients_end"], before["gradients_end"])
    assert all(torch.equal(value, weights[name]) for name, value in task.networks.state_dict().items())


def test_layers_that_share_a_product_are_told_apart():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 1, bias=False))
    first, second = (layer.weight.data for layer in network)
    first.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    second.copy_(torch.tensor([[5.0, 6.0]]))
    found = layer_gradients(network, lambda: network(torch.tensor([[1.0, 1.0]])).sum())
    # d/dW2 = (3, 7), d/dW1 = (5, 5; 6, 6)
    assert found == pytest.approx({"0": math.sqrt((25 + 36) / 2), "1": math.sqrt((9 + 49) / 2)})


def test_training_metrics_are_those_of_the_training_images(classifier):
    task, data = classifier("options.measure=[training]")
    found = task.study(data, data)
    assert found["train"].metrics == task.evaluate(data).metrics and not found["test"].metrics


def test_accuracy_over_the_number_of_classes_counts_only_these():
    torch.manual_seed(0)
    logits, labels = torch.randn(300, 10), torch.arange(300) % 10
    found = by_classes(logits, labels)
    assert found["classes_counted"].tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    for at, count in enumerate(found["classes_counted"]):
        hits = {1: 0, 5: 0}
        chosen = [
            (row[:count].tolist(), int(label)) for row, label in zip(logits, labels, strict=True) if label < count
        ]
        for row, label in chosen:
            rank = sum(value > row[label] for value in row)
            hits = {k: hits[k] + (rank < k) for k in hits}
        assert found["top1_by_classes"][at] == pytest.approx(100 * hits[1] / len(chosen))
        assert found["top5_by_classes"][at] == pytest.approx(100 * hits[5] / len(chosen))
    assert len(by_classes(torch.randn(2000, 1000), torch.arange(2000) % 1000)["classes_counted"]) < 24


def test_a_training_at_chance_is_a_result_where_the_row_accepts_it(classifier):
    history = [{"train/top1": 10.0}]
    refused, data = classifier("")
    info = data.info
    accepted, _ = classifier("options.accept_chance=true")
    assert "of chance, or of always answering" in refused.failure(history, info)
    assert accepted.failure(history, info) is None


# Autoencoders -------------------------------------------------------------------------------------


def test_angles_are_those_between_planes():
    for degrees in (0.0, 1e-5, 30.0, 89.0, 90.0):
        turn = math.radians(degrees)
        plane = torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]], dtype=torch.float64)
        turned = torch.tensor([[2.0, 0, 0, 0], [3.0, math.cos(turn), math.sin(turn), 0]], dtype=torch.float64)
        assert principal_angles(plane, turned).tolist() == pytest.approx([0, degrees], abs=1e-7)


def test_angles_agree_with_scipy():
    from scipy.linalg import subspace_angles

    torch.manual_seed(0)
    first, second = torch.randn(4, 30), torch.randn(4, 30)
    expected = np.degrees(subspace_angles(first.numpy().T, second.numpy().T))[::-1]
    assert principal_angles(first, second).tolist() == pytest.approx(expected, abs=1e-3)


def test_the_space_of_a_linear_network_is_compared_with_that_of_pca(run_of, few_digits):
    data = split(few_digits)
    run = run_of("autoencoder", "model.latent_dim=3 model.widths=[] model.linear=true options.measure=[subspace]")
    task = Reconstruction(run, UNIT, CPU)
    centred = data.take(data.order).images.flatten(1).double()
    _, _, axes = torch.linalg.svd(centred - centred.mean(0), full_matrices=False)
    decoder = task.autoencoder.decoder[0][0]
    decoder.weight.data = (axes[:3].T @ torch.randn(3, 3).double()).float()  # any basis of the same space
    found = task.study(data, data)["test"]
    assert found.metrics["subspace_angle"] < 0.1 and found.arrays["subspace_angles"].shape == (3,)
    decoder.weight.data[:, 0] = axes[5].float()
    other = task.study(data, data)["test"].metrics
    assert other["subspace_angle"] == pytest.approx(90, abs=0.5)
    assert other["subspace_overlap"] == pytest.approx(200 / 3, abs=0.5) and found.metrics["subspace_overlap"] > 99.9


@pytest.mark.parametrize("size", [28, 40])
@pytest.mark.parametrize("skips", [True, False])
def test_the_code_of_a_unet_is_all_that_its_decoder_gets(size, skips):
    torch.manual_seed(0)
    network = UNetAutoencoder(1, size, width=2, depth=2, skips=skips).eval()
    images = torch.rand(3, 1, size, size)
    code = network.encode(images)
    assert code.shape == (3, network.latent_dim)
    assert network.bottleneck == 8 * (size // 4) ** 2
    assert network.latent_dim == network.bottleneck + (2 * size**2 + 4 * (size // 2) ** 2) * skips
    torch.testing.assert_close(network.decode(code), network.segment(images))
    bottom, maps = network.descend(images)
    for part in [bottom, *maps] if skips else [bottom]:
        part.zero_()
    zeroed = torch.zeros_like(code)
    torch.testing.assert_close(network.decode(zeroed), network.ascend(bottom, maps))


def test_a_unets_error_without_its_bottleneck_is_that_of_the_zeroed_maps(run_of, few_digits):
    data = split(few_digits)
    run = run_of("conv_autoencoder")
    run.networks["autoencoder"] = type(run.networks["autoencoder"])("nets.models.unet.UNetAutoencoder", {"depth": 2})
    run.recipe.options["measure"] = ["bottleneck"]
    torch.manual_seed(0)
    task = Reconstruction(run, UNIT, CPU)
    found = task.study(data, data)["test"]
    network, images = task.networks["autoencoder"].eval(), data.take(data.order).images
    with torch.no_grad():
        bottom, maps = network.descend(images)
        silent = network.ascend(torch.zeros_like(bottom), maps).sigmoid()
        mute = network.ascend(bottom, [torch.zeros_like(each) for each in maps]).sigmoid()
    assert found.metrics["mse_without_bottleneck"] == pytest.approx(F.mse_loss(silent, images).item(), rel=1e-4)
    assert found.metrics["mse_without_skips"] == pytest.approx(F.mse_loss(mute, images).item(), rel=1e-4)
    assert found.arrays["without_bottleneck"].dtype == np.uint8


def test_estimates_have_the_gradient_and_the_variances_of_a_square():
    """E (z - a)^2 for z of N(m, s^2) is (m - a)^2 + s^2: its gradient is 2 (m - a) by m, and s^2 by log s^2."""
    torch.manual_seed(0)
    mean, deviation, target, count = 0.5, 0.8, 2.0, 400_000
    means, log_variances = torch.full((1, 1), mean), torch.full((1, 1), 2 * math.log(deviation))
    noise = torch.randn(count, 1, 1, dtype=torch.float64)
    found = estimates(lambda z: (z - target).square().sum(-1), means.double(), log_variances.double(), noise)
    gradient = [2 * (mean - target), deviation**2]
    for name in ("", "_score", "_baseline"):
        assert found[name].mean(0)[0].tolist() == pytest.approx(gradient, abs=0.05), name
    # reparametrised: 2 (m - a) + 2 s e by m; (m - a) s e + s^2 e^2 by log s^2
    gap = mean - target
    expected = 4 * deviation**2 + (gap * deviation) ** 2 + 2 * deviation**4
    measured = variances(found)
    assert measured["gradient_variance"] == pytest.approx(expected, rel=0.02)
    # score function, from the moments of a normal variable: E e^2 = 1, e^4 = 3, e^6 = 15, e^8 = 105
    moments = {0: 1, 2: 1, 4: 3, 6: 15, 8: 105}

    def square(scores):  # E of (f s)^2 for polynomials in e: lists of coefficients
        f = [gap**2, 2 * gap * deviation, deviation**2]
        product = np.polynomial.polynomial.polymul(f, scores)
        return sum(
            c * moments.get(power, 0) for power, c in enumerate(np.polynomial.polynomial.polymul(product, product))
        )

    second = square([0, 1 / deviation]) + square([-0.5, 0, 0.5])
    assert measured["gradient_variance_score"] == pytest.approx(second - sum(g**2 for g in gradient), rel=0.05)
    assert measured["gradient_variance"] < measured["gradient_variance_baseline"] < measured["gradient_variance_score"]


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_a_vaes_estimates_agree_on_its_gradient(run_of, few_digits, loss, monkeypatch):
    run = run_of("vae", f"model.widths=[16] options.loss={loss} options.measure=[gradient_variance]")
    torch.manual_seed(0)
    task, data = SampledReconstruction(run, UNIT, CPU), split(few_digits, name="test")
    seen = {}
    monkeypatch.setattr("nets.tasks.estimators.variances", lambda found: seen.update(found) or variances(found))
    values = task.study(data, data)["test"].metrics
    # each image's estimates differ from the truth by their standard error
    one, other = seen[""], seen["_baseline"]
    error = ((one.var(0) + other.var(0)) / len(one)).sqrt()
    off = ((one.mean(0) - other.mean(0)) / error).abs()
    assert (off > 4).float().mean() < 0.02 and 0.5 < off.square().mean() < 1.6
    assert 0 < values["gradient_variance"] < values["gradient_variance_baseline"] < values["gradient_variance_score"]


def test_an_autoencoder_may_be_sampled_to_be_compared(run_of):
    run = run_of("vae")
    run.networks["autoencoder"] = type(run.networks["autoencoder"])("nets.models.autoencoder.Autoencoder", {})
    task = SampledReconstruction(run, UNIT, CPU)
    drawn = task.sample(5, seed=1)
    codes = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    expected = task.networks["autoencoder"].decode(codes).sigmoid()
    assert torch.equal(drawn, UNIT.invert(expected.detach()))


# Segmentation -------------------------------------------------------------------------------------


def test_the_scale_of_a_segmenter_that_needs_none(run_of, few_digits):
    """A network that sees single pixels has the same accuracy on images that are doubled exactly."""
    data = split(few_digits, masks=True, count=16, pixels=Segmentation.pixel_range({"mean": [0.2], "std": [0.3]}))
    task = Segmentation(
        run_of("unet", "model.width=2 options.measure=[scales]", dataset="digit_scenes"), data.pixels, CPU
    )
    seen = []

    class Threshold(torch.nn.Module):
        def forward(self, images):
            seen.append(tuple(images.shape))
            return F.one_hot((images[:, 0] > 0.5).long() * 3, 11).permute(0, 3, 1, 2).float()

    task.networks["segmenter"] = Threshold()
    found = task.study(data, data)["test"]
    assert [shape[-1] for shape in dict.fromkeys(seen)] == [32, 48, 64, 96, 128]
    assert found.arrays["scales"].tolist() == [0.5, 0.75, 1, 1.5, 2]
    assert found.arrays["scale_miou"][2] == pytest.approx(task.evaluate(data).metrics["miou"])
    assert found.metrics == {"miou_half": found.arrays["scale_miou"][0], "miou_double": found.arrays["scale_miou"][4]}
    assert found.metrics["miou_double"] == pytest.approx(found.arrays["scale_miou"][2], rel=0.2)


def test_masks_are_scaled_with_their_images(run_of, few_digits):
    data = split(few_digits, masks=True, count=8, pixels=Segmentation.pixel_range({"mean": [0.2], "std": [0.3]}))
    task = Segmentation(
        run_of("unet", "model.width=2 options.measure=[scales]", dataset="digit_scenes"), data.pixels, CPU
    )
    answers = {}
    for batch in data.ordered(task.measured_at_once):
        for scale in (0.5, 2.0):
            rows = [min(63, int((i + 0.5) / scale)) for i in range(int(64 * scale))]
            answers.setdefault(len(rows), []).append(batch.masks[:, rows][:, :, rows].clamp(min=0))
    iterators = {size: itertools.cycle(masks) for size, masks in answers.items()}
    task.answer = lambda images: next(iterators[images.shape[-1]])
    assert task.miou_at(0.5, data) == task.miou_at(2.0, data) == 100


# Adversarial networks -----------------------------------------------------------------------------


def test_the_gradient_of_the_generator_over_the_steps_of_a_discriminator(run_of, few_digits, monkeypatch):
    monkeypatch.setattr("nets.tasks.adversarial.STEPS", (0, 3, 12))
    run = run_of("dcgan", "model.width=4 batch_size=32 optimizer.lr=0.002 options.measure=[discriminator_steps]")
    torch.manual_seed(0)
    task, data = Adversarial(run, SYMMETRIC, CPU), split(few_digits, SYMMETRIC)
    before = {name: value.clone() for name, value in task.networks.state_dict().items()}
    found = task.study(data, data)["train"]
    assert all(torch.equal(value, before[name]) for name, value in task.networks.state_dict().items())
    minimax, non_saturating = (found.arrays[f"gradient_{name}"] for name in ("minimax", "non_saturating"))
    assert found.arrays["discriminator_steps"].tolist() == [0, 3, 12] and minimax.shape == (3,)
    # d/dx log(1 - D) = -D and d/dx -log D = D - 1: as D falls, the first gradient vanishes and the other one doesn't
    assert minimax[2] < 0.5 * non_saturating[2]
    assert found.metrics["gradient_fall_minimax"] == pytest.approx(math.log10(minimax[2] / minimax[0]))
    assert found.metrics["gradient_fall_minimax"] < found.metrics["gradient_fall_non_saturating"]


def test_losses_of_the_generator_are_those_of_the_papers():
    logits = torch.tensor([-3.0, 0.0, 2.0])
    probability = logits.sigmoid()
    expected = {"minimax": (1 - probability).log().mean(), "non_saturating": -probability.log().mean()}
    for name, value in (expected | {"wasserstein": -logits.mean()}).items():
        assert generator_loss(logits, name).item() == pytest.approx(value.item())
    assert STEPS[0] == 0


# Diffusion ----------------------------------------------------------------------------------------


def test_samplers_are_compared_over_their_steps(run_of):
    overrides = "model.width=4 model.multipliers=[1,2] model.blocks=1 model.attention=[] options.timesteps=40"
    task = Diffusion(run_of("ddpm", f"{overrides} options.samples=64 options.measure=[sampling_steps]"), SYMMETRIC, CPU)
    found = [(sampler, steps, images) for sampler, steps, images in task.alternatives()]
    assert [each[:2] for each in found] == [(s, n) for s in ("ddim", "ancestral") for n in (2, 4, 10)]
    assert all(images.shape == (64, 1, 28, 28) and images.dtype == torch.uint8 for *_, images in found)
    generator = torch.Generator().manual_seed(0)
    noise = task.latents(64, generator)
    *_, expected = task.process.ddim(task.denoise, noise, 4, 1.0, generator)
    assert torch.equal(found[4][2], SYMMETRIC.invert(expected))
    assert not list(Diffusion(run_of("ddpm", overrides), SYMMETRIC, CPU).alternatives())


# All of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "overrides", "expected"),
    [
        ("lenet5", "options.measure=[gradient]", "'gradient' is not one of"),
        ("autoencoder", "options.measure=[subspace]", "options.measure=subspace is for linear autoencoders"),
        ("autoencoder", "options.measure=[gradient_variance]", "options.measure=gradient_variance is for VAEs"),
        ("conv_autoencoder", "options.measure=[bottleneck]", "options.measure=bottleneck is for unet_autoencoder"),
        ("wgan", "options.measure=[discriminator_steps]", "options.measure=discriminator_steps is for GANs"),
    ],
)
def test_what_cannot_be_measured_is_refused(run_of, model, overrides, expected):
    with pytest.raises(ConfigError, match=expected):
        run_of(model, overrides)


def test_a_run_that_measures_more_has_the_same_weights_and_more_numbers(run_of, few, tmp_path):
    weights, names = [], []
    for overrides in ("epochs=1", "epochs=1 options.measure=[training,gradients,classes]"):
        folder = tmp_path / f"{len(weights)}" / "lenet5-mnist5k-s0"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(run_of("lenet5", overrides).to_json())
        assert train.main(["--run-dir", str(folder), "--data-dir", str(few)]) == 0
        measured = evaluation.measure(evaluation.TrainedRun(folder, few, [], CPU))
        weights.append((folder / "history.csv").read_text().splitlines()[-1].split(",")[3:])
        names.append([(number.metric, number.split) for number in measured.metrics])
        assert all(name.removesuffix("_best") in all_metrics() for name, _ in names[-1])
    assert weights[0] == weights[1]
    assert names[1][: len(names[0])] == names[0]
    assert {("top1", "train"), ("gradient_ratio_end", "train")} <= set(names[1])
    assert "top5_by_classes" in measured.arrays and "gradients_start" in measured.arrays


def test_where_the_best_weights_are_measured_too_a_study_is_of_the_last(run_of, few, tmp_path):
    folder = tmp_path / "softmax-mnist5k-s0"
    folder.mkdir()
    (folder / "config.json").write_text(run_of("softmax", "epochs=2 options.measure=[training]").to_json())
    assert train.main(["--run-dir", str(folder), "--data-dir", str(few)]) == 0
    manifest = json.loads((folder / "manifest.json").read_text())
    nothing = {"classifier.fc.weight": torch.zeros(10, 784), "classifier.fc.bias": torch.zeros(10)}
    manifest["weights"]["best"] = vars(write_weights(folder / "best.safetensors", nothing))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    measured = evaluation.measure(evaluation.TrainedRun(folder, few, [], CPU)).metrics
    found = {(number.metric, number.split): number.value for number in measured}
    assert found["top1_best", "test"] < 20 < 50 < found["top1", "train"]
