"""Measure generated images: against real ones in the features of extractors, and how many copy training images.

The rule `evaluate` uses this for generators, `reference` for the scale: the same metrics for real images and noise.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nets.data.batches import images_of
from nets.data.prepared import images_sha256, open_split, read_info
from nets.errors import UserError
from nets.fidelity.extractors import Features, load_extractor
from nets.fidelity.passport import issue
from nets.files import verify
from nets.metrics import classes, distances, neighbours
from nets.metrics.measurement import Measurement, Measurements
from nets.tasks.contract import Generator

COMPARED = 1000  # number of samples, and of held-out images, that are compared with training images
CLOSE = 0.01  # share of held-out images that count as close to a training image; a closer sample is a copy
TIMED = 64  # samples drawn to measure the time
SHOWN = 16  # samples that the figure shows with their nearest training images


def compare(real: Tensor, shares: list[float] | None, generated: Features) -> dict[str, float]:
    """Every metric of generated images against real features (N, D); `shares` (K,) of the real classes, if known."""
    values = {
        **distances.METRICS.measure(real, generated.features),
        **classes.SCORES.measure(generated.logits),
        **neighbours.METRICS.measure(real, generated.features),
    }
    return values if shares is None else values | classes.SHARES.measure(shares, generated.logits)


def measure(task: Generator, references: list[Path], data_dir: Path, device: torch.device) -> Measurements:
    """Metrics of fresh samples, and arrays for the figures. If an extractor is missing, its metrics have no values."""
    sampling = task.sampling()
    samples = task.sample(sampling["samples"], seed=task.run.seed + 1)
    measured = Measurements()
    for path in references:
        name = path.parent.name.rsplit("-", 1)[1]
        reference = json.loads(path.read_text(encoding="utf-8"))
        if reference["status"] != "ok":
            measured.metrics += holes(name, reference["reason"])
            continue
        if reference["reference"]["images_sha256"] != images_sha256(read_info(data_dir), "test"):
            raise UserError(f"{path} is of other test images than those in {data_dir}; delete it and make it again.")
        generated = load_extractor(Path(reference["source"]), data_dir, device).read(samples)
        stored = path.with_name("features.npy")
        verify(stored, reference["features_sha256"], f"delete {path.parent} and start again")
        real = torch.from_numpy(np.load(stored)).to(device)
        values = compare(real, reference["classes"], generated)
        passport = issue(reference["extractor"], reference["reference"], sampling)
        measured.metrics += [Measurement(f"{key}_{name}", value, passport=passport) for key, value in values.items()]
        if reference["classes"] is not None:
            measured.arrays |= {
                "classes_real": np.array(reference["classes"]),
                "classes_generated": classes.shares(generated.logits),
            }
    copies = measure_copies(samples[:COMPARED], data_dir, sampling)
    return Measurements(measured.metrics + copies.metrics, measured.arrays | copies.arrays)


def time_a_sample(task: Generator) -> dict[str, Any]:
    """Time per sample, drawn in batches on this device. It is not a metric, because it depends on the machine."""
    task.sample(TIMED, seed=0)  # warm up
    start = time.perf_counter()
    task.sample(TIMED, seed=0).cpu()  # waits for the device
    return {"seconds_per_sample": (time.perf_counter() - start) / TIMED, "device": task.device.type}


def holes(extractor: str, reason: str) -> list[Measurement]:
    """All metrics of an extractor, without values."""
    names = [*distances.METRICS, *classes.SCORES, *neighbours.METRICS]
    if extractor == "indomain":  # only this one knows the classes
        names += classes.SHARES
    return [Measurement(f"{name}_{extractor}", None, reason=reason) for name in names]


def measure_copies(samples: Tensor, data_dir: Path, sampling: dict[str, Any]) -> Measurements:
    """The percentage of samples that are closer to a training image than 99 % of validation images; by pixels.

    It is 1 % for fresh real images. The arrays are a few samples and their nearest training images.
    """
    known, held_out = images_of(data_dir, "train"), open_split(data_dir, "validation")
    fresh = torch.from_numpy(held_out.images[np.random.default_rng(0).permutation(held_out.indices)[:COMPARED]])
    apart, index = (values.cpu().numpy() for values in neighbours.nearest(samples.flatten(1), known.flatten(1)))
    usual, _ = neighbours.nearest(fresh.flatten(1).to(samples.device), known.flatten(1))
    share = 100 * float((apart < np.quantile(usual.cpu().numpy(), CLOSE)).mean())
    spread = np.argsort(apart, kind="stable")[np.linspace(0, len(apart) - 1, SHOWN).round().astype(int)]
    against = {
        "split": "train",
        "count": len(known),
        "resolution": known.shape[-1],
        "images_sha256": images_sha256(held_out.info, "train"),
    }
    passport = issue({"name": "pixels"}, against, sampling | {"samples": len(samples)})
    pictures = {"nearest_samples": samples.cpu().numpy()[spread], "nearest_training": known.numpy()[index[spread]]}
    copies = Measurement("copies", share, passport=passport | {"indicative": False})
    return Measurements([copies], pictures)
