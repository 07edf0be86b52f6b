"""Whether nets works on this machine's GPU: what no CPU can show, in a few minutes, with a line of JSON for each check.

    python -m benchmarks.gpu.checks --minutes 5 --out gpu            on a machine with a GPU
    python -m benchmarks.gpu.checks --minutes 5 --out gpu --pretend  the same on the CPU, with small limits

It needs a checkout, NumPy and torch 2.11 or later, and neither a network nor data: images are generated, with a seed.
Where torch-fidelity is missing, KID and Inception Score are left out; where safetensors is missing, torch's own format
takes its place. Checks run in the order of their value and write to `OUT/checks.jsonl` as they end, so a run that is
cut off loses one check. The exit status is 1 if any failed. `--only runs steps/unet` takes the checks whose names begin
so.
"""

import argparse
import contextlib
import dataclasses
import faulthandler
import json
import math
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpu import bench
from benchmarks.gpu.bench import Bench, Wrong, describe, differing, held, must

bench.stand_in()

from nets.data import augment, batches  # noqa: E402
from nets.data.batches import Batch, Batches  # noqa: E402
from nets.data.prepared import open_split  # noqa: E402
from nets.evaluation import TrainedRun, evaluate  # noqa: E402
from nets.fidelity import measure as fidelity  # noqa: E402
from nets.fidelity.curve import find_watching  # noqa: E402
from nets.fidelity.reference import write_reference  # noqa: E402
from nets.machine.memory import is_out_of_memory  # noqa: E402
from nets.machine.provenance import describe_machine, peak_memory_mb  # noqa: E402
from nets.metrics import distances, neighbours  # noqa: E402
from nets.metrics import segmentation as masks  # noqa: E402
from nets.metrics.metric import all_metrics, parts  # noqa: E402
from nets.models import fcn, lenet, pooling, zfnet  # noqa: E402
from nets.run import Run  # noqa: E402
from nets.tasks import task_class  # noqa: E402
from nets.tasks.contract import Task  # noqa: E402
from nets.tasks.precision import Precision, forked  # noqa: E402
from nets.tasks.segmentation import cross_entropy  # noqa: E402
from nets.training import loop, session  # noqa: E402
from nets.training.numerics import choose_device, choose_precision  # noqa: E402
from nets.training.pretrained import find_start  # noqa: E402

Facts = dict[str, Any]
Check = Callable[[Bench], Facts]

LENET = {"classifier": ("lenet.LeNet5", {})}
DDPM = {"denoiser": ("ddpm.Denoiser", {"width": 4, "multipliers": [1, 2], "blocks": 1, "attention": [14]})}
DCGAN = {"generator": ("dcgan.Generator", {"width": 8}), "discriminator": ("dcgan.Discriminator", {"width": 8})}
WGAN_GP = {"generator": ("wgan.Generator", {"width": 8}), "discriminator": ("wgan.Critic", {"width": 8})}
PENALTY = {"loss": "wasserstein", "n_critic": 2, "gradient_penalty": 10}
RESNET = {"classifier": ("resnet.CifarResNet", {"depth": 20, "width": 0.5})}
JOINT = {
    "autoencoder": ("autoencoder.ConvAutoencoder", {"widths": [8, 16], "latent_dim": 8}),
    "latent_classifier": ("autoencoder.LatentClassifier", {"latent_dim": 8}),
}
VAE = {"autoencoder": ("vae.VAE", {"widths": [64], "latent_dim": 2})}
UNET = {"segmenter": ("unet.UNet", {"width": 8, "depth": 2})}
FCN = {"segmenter": ("fcn.FCN", {"widths": [8, 8, 8, 16, 16], "head_width": 16})}
SAMPLED = {"samples": 96, "fid_samples": 64}
SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4}
CUT = {"crop_padding": 4, "flip": True, "cutout": 8}
START = {"kind": "run", "name": "judge-grey-s0", "keep_head": False, "sha256": "", "shape": [1, 40, 40]}
START |= {"mean": None, "std": None}
RUNS = [  # every kind of task, and what is particular to some networks
    describe("resnet20", "classification", "colour", RESNET, optimizer=SGD, augment=CUT),
    describe("dcgan", "adversarial", "grey", DCGAN, options=SAMPLED),
    describe("ddpm", "diffusion", "digits", DDPM, ema=0.9, clip_norm=1, options={"timesteps": 4} | SAMPLED),
    describe("unet", "segmentation", "masks", UNET, augment={"crop_padding": 2}),
    describe("vae", "reconstruction", "grey", VAE, sampled=True, options={"loss": "bce", "reduction": "sum"} | SAMPLED),
    describe("wgan_gp", "adversarial", "grey", WGAN_GP, options=PENALTY | SAMPLED),
    describe("lenet5", "classification", "grey", LENET, ema=0.9, augment={"crop_padding": 2}),
    describe("features", "classification", "grey", LENET, START, options={"transfer": "feature_extraction"}),
    describe("tuned", "classification", "grey", LENET, START, options={"transfer": "fine_tuning"}),
    describe("joint", "reconstruction", "grey", JOINT, clip_norm=1.0),
    describe("fcn8s", "segmentation", "masks", FCN),
    describe("pca", "reconstruction", "grey", {"autoencoder": ("pca.PCA", {})}, epochs=1, batch_size=10**6),
]
BY_NAME = {run.model: run for run in RUNS}
NETWORKS: list[tuple[str, str, str, dict[str, Any]]] = [  # every class of the catalogue, as wide as there
    ("colour", "resnet18", "resnet.ResNet", {"depth": 18}),
    ("colour", "resnet50", "resnet.ResNet", {"depth": 50}),
    ("colour", "googlenet", "googlenet.GoogLeNet", {}),
    ("colour", "alexnet", "alexnet.AlexNet", {}),
    ("colour", "zfnet", "zfnet.ZFNet", {}),
    ("colour", "vgg11", "vgg.VGG", {"depth": 11}),
    ("colour", "vgg16_bn", "vgg.VGG", {"depth": 16, "batch_norm": True}),
    ("colour", "mobilenet_v1", "mobilenet.MobileNetV1", {}),
    ("colour", "mobilenet_v2", "mobilenet.MobileNetV2", {}),
    ("colour", "resnet56", "resnet.CifarResNet", {"depth": 56}),
    ("colour", "lenet5", "lenet.LeNet5", {}),
    ("colour", "cnn", "cnn.CNN", {}),
    ("colour", "mlp", "linear.MLP", {"hidden": [300, 100], "batch_norm": True, "dropout": 0.5}),
    ("colour", "softmax", "linear.Softmax", {}),
    ("colour", "encoder_classifier", "autoencoder.EncoderClassifier", {"widths": [32, 64, 128], "latent_dim": 32}),
    ("colour", "ddpm", "ddpm.Denoiser", {"width": 64}),
    ("masks", "unet", "unet.UNet", {"width": 32}),
    ("masks", "unet_valid", "unet.UNet", {"width": 32, "padding": "valid", "depth": 2, "batch_norm": True}),
    ("masks", "fcn32s", "fcn.FCN", {"stride": 32}),
    ("masks", "fcn8s", "fcn.FCN", {"stride": 8}),
    ("grey", "autoencoder", "autoencoder.Autoencoder", {"widths": [128, 64], "latent_dim": 2}),
    ("grey", "conv_autoencoder", "autoencoder.ConvAutoencoder", {"widths": [32, 64, 128], "latent_dim": 32}),
    ("grey", "vae", "vae.VAE", {"widths": [512, 64], "latent_dim": 2}),
    ("grey", "conv_vae", "vae.ConvVAE", {"widths": [32, 64, 128], "latent_dim": 32}),
    ("grey", "pca", "pca.PCA", {}),
    ("grey", "gan", "gan.Generator gan.Discriminator", {}),
    ("grey", "dcgan", "dcgan.Generator dcgan.Discriminator", {}),
    ("grey", "dcgan_lenet5", "dcgan.Generator lenet.LeNet5", {}),
    ("grey", "wgan_gp", "wgan.Generator wgan.Critic", {}),
    ("grey", "teaching_polynomials", "teaching.PolynomialGenerator teaching.PolynomialDiscriminator", {}),
    ("digits", "teaching_mnist", "teaching.MnistGenerator teaching.MnistDiscriminator", {}),
]
TASKS = {"colour": ("classification", "classifier"), "masks": ("segmentation", "segmenter")}
TASKS |= {"grey": ("reconstruction", "autoencoder")}
DRAWN = ("elbo", "nll_is64", "bpd", "objective", "top1_sampled")  # from each device's own random generator
BFLOAT16, FLOAT16 = Precision(torch.bfloat16), Precision(torch.float16)
CPU = torch.device("cpu")


# (a) Every kind of task: it ends, gives the same bits twice and after an interruption, is measured as on a CPU, and
# leaves no memory.


def check_run(run: Run) -> Check:
    """The check of one run."""

    def check(place: Bench) -> Facts:
        inputs = inputs_of(place, run)
        first = place.train(run, "first", **inputs)
        before = held(place.device)
        again = place.train(run, "again", **inputs)
        leaked = held(place.device) - before
        manifest = json.loads((first / "manifest.json").read_text())
        broken = place.train(run, "broken", stop_after=manifest["steps"] // 2 + 1, **inputs)
        must(not differing(first, again), f"Trained twice, it differs in {differing(first, again)}.")
        must(not differing(first, broken), f"Continued from a checkpoint, it differs in {differing(first, broken)}.")
        must(leaked < 2**20, f"A training leaves {leaked / 2**20:.1f} MiB behind.")
        facts = {key: manifest[key] for key in ("precision", "steps", "seconds", "peak_memory_mb")}
        return facts | {"leaked_bytes": leaked} | compare_devices(place, run, first)

    return check


def inputs_of(place: Bench, run: Run) -> dict[str, Any]:
    """What a run needs besides data: a judge of its samples, or the weights that it starts from."""
    if run.fidelity:
        return {"extractor": find_watching(place.judge(run.dataset))}
    return {"start": find_start(run, [place.judge(run.dataset)])} if run.pretrained else {}


def compare_devices(place: Bench, run: Run, folder: Path) -> Facts:
    """Evaluate a trained run on the device and on the CPU."""
    other = folder.with_name(f"{folder.name}-on-the-cpu")
    shutil.copytree(folder, other)
    references = [reference_of(place, run.dataset)] if run.fidelity and not bench.missing("torch_fidelity") else []
    for where, device in ((folder, place.device), (other, CPU)):
        evaluate(TrainedRun(where, place.data(run.dataset), references, device))
    found, expected = (json.loads((where / "metrics.json").read_text()) for where in (folder, other))
    must(found["precision"] == "float32", f"It was measured in {found['precision']}.")
    count, worst = place.counts["test"], 0.0
    for mine, theirs in zip(found["metrics"], expected["metrics"], strict=True):
        apart, allowed = difference(mine, theirs, count)
        name = f"{mine['split']} {mine['metric']}"
        must(apart <= allowed, f"{name} is {mine['value']} on the device and {theirs['value']} on the CPU.")
        worst = max(worst, apart / allowed)
    arrays = [np.load(where / "arrays.npz") for where in (folder, other)]
    if "samples" in arrays[0]:
        levels = np.abs(arrays[0]["samples"].astype(float) - arrays[1]["samples"]).mean()
        must(levels < 1, f"Samples differ from those of the CPU by {levels:.2f} of 255 levels on average.")
    return {"metrics": {m["metric"]: m["value"] for m in found["metrics"]}, "share_of_tolerance": round(worst, 4)}


def difference(mine: dict[str, Any], theirs: dict[str, Any], count: int) -> tuple[float, float]:
    """How far a metric is from that of the CPU, and how far it may be."""
    a, b, name = mine["value"], theirs["value"], mine["metric"]
    if a is None or b is None:
        return (0.0 if a is b else math.inf), 1.0
    percent = 200 / count if all_metrics()[parts(name)[0]].unit == "%" else 0.0  # two images
    loose = mine["passport"] or name in DRAWN
    slack = 1.0 if name == "active_units" else 0.01 if loose else 1e-5
    return abs(a - b), percent + slack + (0.05 if loose else 2e-4) * max(abs(a), abs(b))


def reference_of(place: Bench, data: str) -> Path:
    """The reference.json of a data set in the features of the judge."""

    def make() -> Path:
        folder = place.folder / "fidelity" / f"{data}-indomain"
        write_reference(place.judge(data), place.data(data), folder, [SAMPLED["samples"]], None, place.device)
        return folder / "reference.json"

    return place.once(f"reference {data}", make)


# (b) Each risk that reading the code has found.


def build(place: Bench, run: Run, device: torch.device, precision: Precision | None = None) -> tuple[Task, Batches]:
    """A run's task with its first weights, the same on every device, and its training data."""
    torch.manual_seed(run.seed)
    kind, split = task_class(run), open_split(place.data(run.dataset), "train")
    pixels = kind.pixel_range(split.info)
    return kind(run, pixels, device, precision), Batches(split, pixels, device)


def weights_of(task: Task) -> dict[str, Tensor]:
    """Copies of all weights, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in task.networks.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two sets of weights are the same bits."""
    return all(torch.equal(first[name], second[name]) for name in first)


def learn(task: Task, data: Batches, steps: int) -> list[float]:
    """The first losses of some steps of training."""
    torch.manual_seed(1)
    found: list[Batch] = []
    while len(found) < steps:
        found += data.epoch(task.batch_size, seed=len(found))
    return [next(iter(task.learn(batch).values())).item() for batch in found[:steps]]


def check_float32(place: Bench) -> Facts:
    """Products, convolutions and attention in float32 are not rounded to TF32."""
    dice = torch.Generator().manual_seed(0)
    a, b = (torch.randn(512, 512, generator=dice) for _ in range(2))
    images, kernel = torch.randn(8, 64, 24, 24, generator=dice), torch.randn(64, 64, 3, 3, generator=dice)
    rows = torch.randn(4, 1, 256, 64, generator=dice)
    computed: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
        "product": (torch.matmul, (a, b)),
        "convolution": (lambda x, w: F.conv2d(x, w, padding=1), (images, kernel)),
        "channels last": (
            lambda x, w: F.conv2d(x.to(memory_format=torch.channels_last), w, padding=1),
            (images, kernel),
        ),
        "transposed": (lambda x, w: F.conv_transpose2d(x, w, stride=2), (images, kernel)),
        "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), (rows,)),
    }

    def error(name: str) -> float:
        function, tensors = computed[name]
        exact = function(*(t.double() for t in tensors))
        found = function(*(t.to(place.device) for t in tensors)).cpu().double()
        return float((found - exact).abs().max() / exact.abs().max())

    errors = {name: error(name) for name in computed}
    bad = [name for name, value in errors.items() if value > 5e-5]
    must(not bad, f"In float32, {', '.join(bad)} are off by {max(errors.values()):.1g} of the largest value.")
    name = Precision().name(place.device)
    must(name == "float32", f"The number type is recorded as {name}.")
    return {name: float(f"{value:.2g}") for name, value in errors.items()}


def check_measured_in_float32(place: Bench) -> Facts:
    """What a task in mixed precision measures and draws are the bits of the same task in float32."""
    for name in ("resnet20", "unet", "vae", "dcgan", "ddpm"):
        run = BY_NAME[name]
        tasks = [build(place, run, place.device, precision) for precision in (Precision(), BFLOAT16)]
        (plain, data), (mixed, _) = tasks
        for task, _ in tasks:
            learn(task, data, 2)
        must(not same(weights_of(plain), weights_of(mixed)), f"{name} does not learn in mixed precision.")
        plain.networks.load_state_dict(mixed.networks.state_dict())
        seen = Batches(open_split(place.data(run.dataset), "validation"), plain.pixels, place.device)
        ours, theirs = (task.evaluate(seen) for task in (plain, mixed))
        must(ours.metrics == theirs.metrics, f"{name} is measured in mixed precision.")
        for array, values in ours.arrays.items():
            must(
                np.array_equal(values, theirs.arrays[array], equal_nan=True), f"{name}: {array} are in mixed precision."
            )
        must(plain.validate(seen) == mixed.validate(seen), f"{name} is validated in mixed precision.")
    return {"auto": choose_precision("auto", place.device).name(place.device)}


def check_training_in_float32(place: Bench) -> Facts:
    """In float32, the first steps have the losses that they have on a CPU."""
    apart = {}
    for name in ("resnet20", "joint", "unet", "lenet5"):
        run = BY_NAME[name]
        run = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, augment={}))
        losses = []
        for device in (place.device, CPU):
            task, data = build(place, run, device)
            for module in task.networks.modules():
                if isinstance(module, nn.Dropout | nn.Dropout2d):
                    module.p = 0.0
            losses.append(learn(task, data, 4))
        apart[name] = max(abs(a - b) / abs(b) for a, b in zip(*losses, strict=True))
        must(apart[name] < 2e-3, f"{name}: the losses are {losses[0]} on the device and {losses[1]} on the CPU.")
    return {name: float(f"{value:.2g}") for name, value in apart.items()}


def sparse_convolution() -> nn.Module:
    """LeNet-5's third layer, with weights."""
    layer = lenet.SparseConv2d(6, lenet.C3_TABLE, 5)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


class Layer(nn.Module):
    """A module without weights that calls a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


OPERATIONS: dict[str, tuple[tuple[int, ...], Callable[[], nn.Module]]] = {  # shape of the input, and what is applied
    "max pool, overlapping": ((8, 16, 15, 15), lambda: nn.MaxPool2d(3, 1, 1)),
    "max pool, stride 2, rounded up": ((8, 16, 15, 15), lambda: nn.MaxPool2d(3, 2, ceil_mode=True)),
    "average pool": ((8, 16, 16, 16), lambda: nn.AvgPool2d(2)),
    "AveragePool, growing": ((8, 16, 5, 5), lambda: pooling.AveragePool(7)),
    "AveragePool, overlapping": ((8, 16, 7, 7), lambda: pooling.AveragePool(4)),
    "adaptive average pool to 1": ((8, 16, 7, 7), lambda: nn.AdaptiveAvgPool2d(1)),
    "nearest upsampling": ((8, 16, 7, 7), lambda: nn.Upsample(scale_factor=2)),
    "nearest resize": ((8, 16, 7, 7), lambda: Layer(lambda x: F.interpolate(x, (13, 13)))),
    "bilinear enlargement": ((4, 5, 7, 7), lambda: fcn.Enlarge(5, 8)),
    "learned doubling": ((4, 5, 7, 7), lambda: fcn.Double(5)),
    "transposed convolution": ((8, 16, 7, 7), lambda: nn.ConvTranspose2d(16, 8, 3, 2, 1, 1)),
    "grouped convolution": ((8, 16, 9, 9), lambda: nn.Conv2d(16, 16, 3, padding=1, groups=16)),
    "1x1 convolution, stride 2": ((8, 16, 9, 9), lambda: nn.Conv2d(16, 32, 1, stride=2)),
    "batch norm": ((8, 16, 9, 9), lambda: nn.BatchNorm2d(16)),
    "group norm": ((8, 16, 9, 9), lambda: nn.GroupNorm(4, 16)),
    "contrast norm": ((8, 16, 9, 9), lambda: zfnet.ContrastNorm(5)),
    "padded shortcut": ((8, 16, 8, 8), lambda: Layer(lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 16)))),
    "sparse convolution": ((8, 6, 14, 14), sparse_convolution),
    "attention": ((4, 1, 100, 32), lambda: Layer(lambda x: F.scaled_dot_product_attention(x, x * 0.5, x + 1))),
    "cross-entropy": (
        (32, 10),
        lambda: Layer(
            lambda x: F.cross_entropy(x.float(), torch.arange(32, device=x.device) % 10, label_smoothing=0.1)
        ),
    ),
    "cross-entropy of pixels": (
        (4, 5, 16, 16),
        lambda: Layer(lambda x: cross_entropy(x, torch.arange(1024, device=x.device).view(4, 16, 16) % 6 - 1)),
    ),
    "binary cross-entropy": (
        (8, 1, 16, 16),
        lambda: Layer(lambda x: F.binary_cross_entropy_with_logits(x, torch.full_like(x, 0.3), reduction="none")),
    ),
    "norm of rows": ((8, 3, 9, 9), lambda: Layer(lambda x: x.flatten(1).norm(dim=1))),
}


def backward(name: str, device: torch.device, precision: Precision) -> list[Tensor]:
    """Output and gradients of an operation on seeded numbers, on the CPU."""
    torch.manual_seed(0)
    shape, make = OPERATIONS[name]
    module, x = make(), torch.randn(shape)
    module = module.to(device)
    x = x.to(device)
    x = (x.to(memory_format=torch.channels_last) if x.ndim == 4 else x).requires_grad_()
    with precision.autocast(device):
        y = module(x)
    dice = torch.Generator().manual_seed(1)
    (y.float() * torch.randn(y.shape, generator=dice).to(device)).sum().backward()
    gradients = [x.grad, *(parameter.grad for parameter in module.parameters())]
    return [y.detach().cpu().float(), *(g.cpu().float() for g in gradients if g is not None)]


def check_operations(place: Bench) -> Facts:
    """Each operation of our networks and losses, forward and backward: allowed, the same bits twice, right."""
    wrong = {}
    for name in OPERATIONS:
        for precision in (Precision(), BFLOAT16):
            try:
                first, again = (backward(name, place.device, precision) for _ in range(2))
            except RuntimeError as error:
                wrong[name] = f"raises {str(error).splitlines()[0]}"
                continue
            if not all(torch.equal(*pair) for pair in zip(first, again, strict=True)):
                wrong[name] = f"differs from itself in {precision.name(CPU)}"
            elif precision == Precision():
                expected = backward(name, CPU, precision)
                errors = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(first, expected, strict=True)]
                if not max(errors) < 1e-4:
                    wrong[name] = f"differs from the CPU by {max(errors):.2g}"
    must(not wrong, "; ".join(f"{name} {words}" for name, words in wrong.items()))
    return {"operations": len(OPERATIONS)}


def check_counts(place: Bench) -> Facts:
    """Counts, distances and augmentation: allowed, the same twice, and as on the CPU."""
    dice = torch.Generator().manual_seed(0)
    truth, guess = (torch.randint(-1, 4, (6, 30, 30), generator=dice) for _ in range(2))
    features = torch.randn(500, 48, generator=dice)

    def on(device: torch.device) -> dict[str, Tensor]:
        a, b, x = truth.to(device), guess.clamp(min=0).to(device), features.to(device)
        nearest, index = neighbours.distances(x[:100], x[100:]).min(dim=1)
        found = {
            "confusion": masks.confusion_matrix(b, a, 4),
            "boundaries": masks.boundary_counts(b, a, 4),
            "radii": neighbours.radii(x.double(), 3),
            "nearest": nearest,
            "index": index,
            "one hot": F.one_hot(b, 4),
            "covariance": torch.cov(x.double().T),
        }
        return {name: value.cpu() for name, value in found.items()}

    first, again, expected = on(place.device), on(place.device), on(CPU)
    for name, value in first.items():
        must(torch.equal(value, again[name]), f"{name} differ from themselves.")
        must(torch.allclose(value.double(), expected[name].double(), rtol=1e-4), f"{name} differ from the CPU's.")
    changed = []
    for _ in range(2):
        torch.manual_seed(0)
        images = torch.rand(32, 3, 24, 24, generator=torch.Generator().manual_seed(2)).to(place.device)
        changed.append(augment.augment(images, CUT, (0.5, 0.5, 0.5)).cpu())
    must(torch.equal(*changed), "Augmentation differs from itself.")
    return {}


def check_fidelity(place: Bench) -> Facts:
    """Distances between sets of features are those of the CPU."""
    dice = torch.Generator().manual_seed(0)
    real, generated = torch.randn(600, 64, generator=dice), 1.1 * torch.randn(500, 64, generator=dice) + 0.1
    names = ["fid", *(["kid"] if not bench.missing("torch_fidelity") else [])]
    functions = {name: distances.METRICS[name].function for name in names}
    functions |= {name: metric.function for name, metric in neighbours.METRICS.items()}
    found = {}
    for name, function in functions.items():
        assert function is not None
        found[name], expected = (function(real.to(d), generated.to(d)) for d in (place.device, CPU))
        must(math.isclose(found[name], expected, rel_tol=1e-6, abs_tol=1e-9), f"{name} differs from the CPU's.")
    return found


def check_gradient_penalty(place: Bench) -> Facts:
    """The gradient penalty and its second derivative are float32 in mixed precision, and as on the CPU."""
    values, slopes = [], []
    share = torch.rand(16, 1, 1, 1, generator=torch.Generator().manual_seed(5))
    for device in (place.device, CPU):
        task, data = build(place, BY_NAME["wgan_gp"], device, BFLOAT16)
        task.learning = True
        task.networks.train()
        real = next(data.ordered(16)).images
        with mock.patch.object(torch, "rand", lambda *size, device: share.to(device)):
            penalty = task.slope_penalty(real, -real)
        penalty.backward()
        values.append(penalty.item())
        grads = [p.grad.norm().item() for p in task.networks["discriminator"].parameters() if p.grad is not None]
        slopes.append(grads)
        task.learning = False
    must(math.isclose(*values, rel_tol=1e-3), f"The penalty is {values[0]} on the device and {values[1]} on the CPU.")
    pairs = list(zip(*slopes, strict=True))
    must(all(math.isclose(a, b, rel_tol=1e-2, abs_tol=1e-6) for a, b in pairs), "Its gradients differ from the CPU's.")
    return {"penalty": values[0]}


def check_float16(place: Bench) -> Facts:
    """float16 with scaled gradients: losses stay finite, an overflow skips the step, a checkpoint keeps the scale."""
    facts: Facts = {}
    clipped = dataclasses.replace(
        BY_NAME["lenet5"], recipe=dataclasses.replace(BY_NAME["lenet5"].recipe, clip_norm=1.0)
    )
    for run in (clipped, BY_NAME["dcgan"], BY_NAME["joint"], BY_NAME["wgan_gp"], BY_NAME["vae"]):
        task, data = build(place, run, place.device, FLOAT16)
        before, losses = weights_of(task), learn(task, data, 6 if place.pretend else 20)
        must(all(map(math.isfinite, losses)), f"{run.model}: a loss is not finite.")
        after = weights_of(task)
        must(not same(before, after), f"{run.model}: no step was taken.")
        must(all(value.isfinite().all() for value in after.values()), f"{run.model}: a weight is not finite.")
        facts[run.model] = task.scaler.get_scale()
        task.scaler.load_state_dict(task.scaler.state_dict() | {"scale": 2.0**126})
        role = next(iter(task.networks))
        trained = {n: v.detach().clone() for n, v in task.networks[role].named_parameters() if v.requires_grad}
        learn(task, data, 1)
        kept = all(torch.equal(trained[n], v) for n, v in task.networks[role].named_parameters() if n in trained)
        must(kept, f"{run.model}: gradients that overflowed changed the weights.")
        must(task.scaler.get_scale() < 2.0**126, f"{run.model}: the scale did not fall after an overflow.")
    with mock.patch.object(session, "choose_precision", lambda wanted, device: FLOAT16):
        whole, broken = place.train(clipped, "half"), place.train(clipped, "half-broken", stop_after=7)
    must(not differing(whole, broken), f"Continued from a checkpoint, float16 differs in {differing(whole, broken)}.")
    return facts


def check_generators(place: Bench) -> Facts:
    """Checkpoints keep the random generators of the CPU and of the run's device, whatever other devices there are."""
    device = place.device
    torch.manual_seed(4)
    state = loop.random_state(device)
    must(set(state) == {"cpu", device.type}, f"A checkpoint holds the generators of {', '.join(state)}.")

    def draw() -> list[Tensor]:
        return [torch.rand(4), torch.rand(4, device=device).cpu()]

    drawn = draw()
    with forked(device):
        torch.manual_seed(9)
        torch.rand(3, device=device)
        draw()
    draw()
    loop.set_random_state({name: value.clone() for name, value in state.items()}, device)
    must(all(torch.equal(*pair) for pair in zip(drawn, draw(), strict=True)), "Restored generators draw other numbers.")
    loop.set_random_state(state, device)
    with forked(device):
        torch.manual_seed(9)
        draw()
    must(all(torch.equal(*pair) for pair in zip(drawn, draw(), strict=True)), "Numbers drawn aside disturb others.")
    return {"devices": torch.cuda.device_count() if device.type == "cuda" else 0}


def check_judge(place: Bench) -> Facts:
    """FID during training changes no weight."""
    run = BY_NAME["dcgan"]
    with_judge, without = place.train(run, "judged", **inputs_of(place, run)), place.train(run, "alone")
    weights = [bench.left(folder)["weights"] for folder in (with_judge, without)]
    must(weights[0] == weights[1], "Weights differ with and without FID during training.")
    return {}


def check_kinds_of_device(place: Bench) -> Facts:
    """A checkpoint is not continued on another kind of device, nor in another number type."""
    run = BY_NAME["lenet5"]
    opened = session.Session(run, place.place(run, "kinds"), place.data(run.dataset), place.device)
    kind = opened.checkpoints.kind
    number_type = choose_precision("auto", place.device).name(place.device)
    must(kind == f"{place.device.type}-{number_type}", f"Checkpoints are called {kind}.")
    opened.checkpoints.save(1, {"step": torch.zeros(1)})
    other = session.Session(run, opened.folder, opened.data_dir, torch.device("meta"))
    must(other.checkpoints.load(CPU) is None, "A checkpoint would be continued on another kind of device.")
    must(other.checkpoints.other_kinds() == [kind], "It is not noticed that there is a checkpoint of another kind.")
    return {"kind": kind}


def check_timing(place: Bench) -> Facts:
    """The time of a sample waits for the device."""
    task, _ = build(place, BY_NAME["ddpm"], place.device)
    times = []
    for _ in range(2):
        measured = fidelity.time_a_sample(task)["seconds_per_sample"]
        wait(place.device)
        start = time.perf_counter()
        task.sample(fidelity.TIMED, seed=0)
        wait(place.device)
        times.append((measured, (time.perf_counter() - start) / fidelity.TIMED))
    must(any(0.5 < a / b < 2 for a, b in times), f"A sample takes {times[-1][0]:.2g} s; waiting, {times[-1][1]:.2g} s.")
    return {"seconds_per_sample": times[-1][0]}


def wait(device: torch.device) -> None:
    """Wait until the device has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def check_peak_memory(place: Bench) -> Facts:
    """Peak memory is that of this process and counts what it has used, also if another process shares the device."""
    large = torch.ones(64 * 2**20, device=place.device)  # 256 MiB
    wait(place.device)
    peak = peak_memory_mb(place.device)
    del large
    must(peak >= 256, f"256 MiB were used, and the peak is {peak} MiB.")
    return {"peak_memory_mb": peak}


def check_out_of_memory(place: Bench) -> Facts:
    """A device that is too small for a tensor is recognised as such, and works afterwards."""
    try:
        torch.empty(2**50, dtype=torch.uint8, device=place.device)
        raise Wrong("A pebibyte was allocated.")
    except (RuntimeError, MemoryError) as error:
        must(is_out_of_memory(error), f"It is not recognised that memory ran out: {error}")
    must(torch.ones(4, device=place.device).sum().item() == 4, "The device does not work after running out of memory.")
    return {}


def check_macs(place: Bench) -> Facts:
    """Multiply-accumulates are counted alike on every device, attention included."""
    counted = {}
    for name in ("ddpm", "resnet20", "dcgan", "unet"):
        counted[name], expected = (build(place, BY_NAME[name], d)[0].macs() for d in (place.device, CPU))
        must(counted[name] == expected, f"{name}: {counted[name]} on the device, {expected} on the CPU.")
    return counted


# (c) Two runs on one device.


def check_slots(place: Bench) -> Facts:
    """Two jobs share a device through slots; both give the bits of a run that was alone."""
    run = BY_NAME["lenet5"]
    alone = place.train(run, "by-itself")
    pretended = {"NETS_GPUS": "1"} if place.device.type == "cpu" else {}
    folders = [place.place(run, f"shared-{number}") for number in range(2)]
    settings = {"NETS_SLOTS_PER_GPU": "2", **pretended}
    jobs = [bench.job(words(place, folder), place.folder / "slots", **settings) for folder in folders]
    for process in jobs:
        _, errors = process.communicate()
        must(process.returncode == 0, f"A job ended with {process.returncode}: {errors.strip().splitlines()[-1:]}")
    for folder in folders:
        must(not differing(alone, folder), f"On a shared device, it differs in {differing(alone, folder)}.")
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in folders]
    return {"visible_devices": [m["visible_devices"] for m in manifests], "started": [m["started"] for m in manifests]}


def words(place: Bench, folder: Path) -> list[str]:
    """The arguments of a training job."""
    return ["--run-dir", str(folder), "--data-dir", str(place.data("grey")), "--checkpoint-seconds", "0"]


def check_killed(place: Bench) -> Facts:
    """A job that is killed and started again ends with the bits of one that was not."""
    short = BY_NAME["lenet5"]
    run = dataclasses.replace(short, recipe=dataclasses.replace(short.recipe, epochs=6, batch_size=4))
    whole, folder = place.train(run, "not-killed"), place.place(run, "killed")
    settings = {"NETS_GPUS": "1"} if place.device.type == "cpu" else {}
    process = bench.job(words(place, folder), place.folder / "slots", **settings)
    while process.poll() is None and not list(folder.glob("checkpoints/*.pt")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    must(not (folder / "manifest.json").exists(), "The job ended before it could be killed.")
    process = bench.job(words(place, folder), place.folder / "slots", **settings)
    _, errors = process.communicate()
    must(process.returncode == 0, f"The second job ended with {process.returncode}: {errors.strip().splitlines()[-1:]}")
    resumed = json.loads((folder / "manifest.json").read_text())["resumed"]
    must(resumed == 1, "It did not continue from a checkpoint.")
    must(not differing(whole, folder), f"After a kill, it differs in {differing(whole, folder)}.")
    return {}


# (d) Data that do not fit.


def check_data_that_do_not_fit(place: Bench) -> Facts:
    """Images that stay in their file give the bits of images on the device, with masks and augmentation too."""
    facts: Facts = {}
    for name in ("resnet20", "unet"):
        folders = []
        for label, room in (("resident", math.inf), ("mapped", 0)):
            with mock.patch.object(batches, "room", lambda device, room=room: room):
                data = build(place, BY_NAME[name], place.device)[1]
                must((data.rows is None) == (room == 0), f"Images are not {label}.")
                must(room == 0 or data.images.device.type == place.device.type, "Images are not on the device.")
                started = time.perf_counter()
                folders.append(place.train(BY_NAME[name], label))
                facts[f"{name} {label}"] = round(time.perf_counter() - started, 2)
        must(not differing(*folders), f"{name}: data in their file differ in {differing(*folders)}.")
    return facts


def check_network(data: str, name: str, path: str, arguments: dict[str, Any]) -> Check:
    """The check that steps of a network give the same bits twice, in the number type of training."""

    def check(place: Bench) -> Facts:
        precision = choose_precision("auto", place.device)
        paths = path.split()
        task, role = TASKS.get(data, ("", ""))
        if len(paths) == 2:
            task, networks = "adversarial", {"generator": (paths[0], {}), "discriminator": (paths[1], {})}
        elif name == "ddpm":
            task, networks = "diffusion", {"denoiser": (path, arguments)}
        else:
            networks = {role: (path, arguments)}
        run = describe(name, task, data, networks, batch_size=2 if place.pretend else 8)
        seen = []
        for _ in range(2):
            built, images = build(place, run, place.device, precision)
            built.networks.train()
            losses = learn(built, images, 1 if place.pretend else 2)
            must(all(map(math.isfinite, losses)), f"Its losses are {losses}.")
            seen.append(weights_of(built))
            wait(place.device)
        must(same(*seen), "Its weights after the same steps differ.")
        return {"losses": [float(f"{value:.5g}") for value in losses]}

    return check


CHECKS: dict[str, Check] = {
    **{f"runs/{run.model}": check_run(run) for run in RUNS},
    "risks/float32": check_float32,
    "risks/measured in float32": check_measured_in_float32,
    "risks/operations": check_operations,
    "risks/training in float32": check_training_in_float32,
    "risks/counts": check_counts,
    "risks/fidelity": check_fidelity,
    "risks/gradient penalty": check_gradient_penalty,
    "risks/float16": check_float16,
    "risks/random generators": check_generators,
    "risks/judge": check_judge,
    "risks/kinds of device": check_kinds_of_device,
    "risks/out of memory": check_out_of_memory,
    "risks/peak memory": check_peak_memory,
    "risks/macs": check_macs,
    "risks/timing": check_timing,
    "slots/two at once": check_slots,
    "slots/killed": check_killed,
    "data/does not fit": check_data_that_do_not_fit,
    **{f"steps/{entry[1]}": check_network(*entry) for entry in NETWORKS},
}


# The command.


class OutOfTime(BaseException):
    """The minutes are over."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTime after some seconds; end the process later still, if a kernel hangs."""

    def end(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    try:
        faulthandler.dump_traceback_later(seconds + 30, exit=True, file=sys.__stderr__)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def run_check(check: Check, place: Bench) -> tuple[str, str, Facts]:
    """How a check ends (passed, failed, or error), a sentence, and facts."""
    try:
        return "passed", "", check(place)
    except Wrong as reason:
        return "failed", str(reason), {}
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}".splitlines()[0], {"trace": traceback.format_exc()}


def run_all(names: list[str], place: Bench, minutes: float) -> list[dict[str, Any]]:
    """Run checks until the time is over; a line of `checks.jsonl` is written as each ends."""
    rows: list[dict[str, Any]] = []
    with open(place.folder / "checks.jsonl", "w") as file:

        def write(row: dict[str, Any]) -> None:
            file.write(json.dumps(row, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())

        write({"machine": describe_machine(place.device), "pretend": place.pretend, "minutes": minutes})
        try:
            with limited(60 * minutes):
                for name in names:
                    started = time.monotonic()
                    rows.append({"check": name, "status": "cut off", "sentence": "The time was over."})
                    status, sentence, facts = run_check(CHECKS[name], place)
                    seconds = round(time.monotonic() - started, 2)
                    rows[-1] = {
                        "check": name,
                        "status": status,
                        "seconds": seconds,
                        "sentence": sentence,
                        "facts": facts,
                    }
                    write(rows[-1])
                    print(f"{status:8}{seconds:8.1f} s  {name}  {sentence}", flush=True)
        except OutOfTime:
            write(rows[-1])
    return rows


def table(rows: list[dict[str, Any]], names: list[str]) -> str:
    """The results as a table, what has not passed first."""
    order = sorted(rows, key=lambda row: row["status"] == "passed")
    lines = [f"{row['check']:28}{row['status']:10}{row.get('seconds', ''):>8}  {row['sentence']}" for row in order]
    passed = sum(row["status"] == "passed" for row in rows)
    return "\n".join([*lines, f"{passed} of {len(names)} checks passed; {len(names) - len(rows)} were not begun."])


def main(argv: list[str] | None = None) -> int:
    """Run the checks; the status is 1 if one did not pass."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.checks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=5, help="when to stop (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for results; it may not exist yet")
    parser.add_argument("--pretend", action="store_true", help="run on the CPU, with small limits")
    parser.add_argument("--only", nargs="+", default=[""], help="how the names of checks begin")
    args = parser.parse_args(argv)
    names = [name for name in CHECKS if name.startswith(tuple(args.only))]
    if not names:
        sys.exit(f"No check's name begins with {' or '.join(args.only)}; there are {', '.join(CHECKS)}.")
    device = choose_device(1 if args.pretend else None)
    if args.pretend:
        device = CPU
    elif device.type != "cuda":
        sys.exit("torch finds no GPU here; --pretend runs the checks on the CPU.")
    if args.out.exists() and any(args.out.iterdir()):
        sys.exit(f"{args.out} is not empty; name a new folder.")
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    rows = run_all(names, Bench(device, args.out.absolute(), args.pretend), args.minutes)
    print(f"\n{table(rows, names)}\n{time.monotonic() - started:.0f} s; {args.out / 'checks.jsonl'}")
    return int(any(row["status"] != "passed" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
