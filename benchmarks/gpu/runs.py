"""Every kind of task and every network, and a check for each entry."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu import missing
from benchmarks.gpu.bench import (
    CPU,
    Bench,
    Check,
    Facts,
    build,
    describe,
    differing,
    held,
    learn,
    must,
    same,
    wait,
    weights_of,
)
from nets.evaluation import TrainedRun, evaluate
from nets.fidelity.curve import find_watching
from nets.fidelity.reference import write_reference
from nets.metrics.metric import all_metrics, parts
from nets.run import Run
from nets.training.numerics import choose_precision
from nets.training.pretrained import find_start

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
    ("colour", "speedrun", "speedrun.Speedrun", {}),
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
    ("grey", "unet_autoencoder", "unet.UNetAutoencoder", {}),
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


def check_run(run: Run) -> Check:
    """The check of one run."""

    def check(place: Bench) -> Facts:
        inputs = inputs_of(place, run)
        first = trained(place, run)
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


def trained(place: Bench, run: Run) -> Path:
    """The folder of a run that was trained once, as it is described."""
    return place.once(f"trained {run.name}", lambda: place.train(run, "first", **inputs_of(place, run)))


def compare_devices(place: Bench, run: Run, folder: Path) -> Facts:
    """Evaluate a trained run on the device and on the CPU."""
    other = folder.with_name(f"{folder.name}-on-the-cpu")
    shutil.copytree(folder, other)
    references = [reference_of(place, run.dataset)] if run.fidelity and not missing("torch_fidelity") else []
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
    loose = mine["passport"] is not None
    slack = 1.0 if name == "active_units" else 0.01 if loose else 1e-5
    return abs(a - b), percent + slack + (0.05 if loose else 2e-4) * max(abs(a), abs(b))


def reference_of(place: Bench, data: str) -> Path:
    """The reference.json of a data set in the features of the judge."""

    def make() -> Path:
        folder = place.folder / "fidelity" / f"{data}-indomain"
        write_reference(place.judge(data), place.data(data), folder, [SAMPLED["samples"]], None, place.device)
        return folder / "reference.json"

    return place.once(f"reference {data}", make)


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
