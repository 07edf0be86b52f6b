"""What generated images are worth: against real ones in the features of extractors, and as copies of training images.

Used by `nets.jobs.reference` for the scale of real images and noise, and by `nets.jobs.evaluate` for generators.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nets.data.prepared import images_sha256, open_split, read_info
from nets.errors import UserError
from nets.fidelity.extractors import Features, load_extractor
from nets.fidelity.passport import issue
from nets.metrics import classes, distances, neighbours
from nets.metrics.entry import entry
from nets.tasks.contract import Generator

COMPARED = 1000  # samples, and held-out images, whose nearest training images are sought
CLOSE = 0.01  # share of held-out images that are nearer to a training image than a sample may be
TIMED = 64  # samples of a look at the clock
SHOWN = 16  # samples over their nearest training images


def compare(real: Tensor, shares: list[float] | None, generated: Features) -> dict[str, float]:
    """Every metric of generated images against real features (N, D); `shares` (K,) of classes where they are known."""
    values = {
        **distances.METRICS.measure(real, generated.features),
        **classes.SCORES.measure(generated.logits),
        **neighbours.METRICS.measure(real, generated.features),
    }
    return values if shares is None else values | classes.SHARES.measure(shares, generated.logits)


def measure(task: Generator, references: list[Path], data_dir: Path, device: torch.device) -> tuple[list, dict]:
    """Entries of `metrics.json` for fresh samples, and arrays for the figures; holes where an extractor is missing."""
    sampling = task.sampling()
    samples = task.sample(sampling["samples"], seed=task.run.seed + 1)
    metrics: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for path in references:
        name = path.parent.name.rsplit("-", 1)[1]
        reference = json.loads(path.read_text())
        if reference["status"] != "ok":
            metrics += holes(name, reference["reason"])
            continue
        if reference["reference"]["images_sha256"] != images_sha256(read_info(data_dir), "test"):
            raise UserError(f"{path} is of other test images than {data_dir}; delete it and run its stage again.")
        generated = load_extractor(Path(reference["source"]), data_dir, device).read(samples)
        real = torch.from_numpy(np.load(path.with_name("features.npy"))).to(device)
        found = compare(real, reference["classes"], generated)
        passport = issue(reference["extractor"], reference["reference"], sampling)
        metrics += [entry(f"{key}_{name}", value, passport=passport) for key, value in found.items()]
        if reference["classes"] is not None:
            arrays |= {
                "classes_real": np.array(reference["classes"]),
                "classes_generated": classes.shares(generated.logits),
            }
    copies, pictures = measure_copies(samples[:COMPARED], data_dir, sampling)
    return [*metrics, copies], arrays | pictures


def time_a_sample(task: Generator) -> dict[str, Any]:
    """How long the task takes for a sample, in batches, on the device at hand: a fact of the machine, not a metric."""
    task.sample(TIMED, seed=0)  # the first time has other costs
    start = time.perf_counter()
    task.sample(TIMED, seed=0).cpu()  # which waits for the device
    return {"seconds_per_sample": (time.perf_counter() - start) / TIMED, "device": task.device.type}


def holes(extractor: str, reason: str) -> list[dict[str, Any]]:
    """Entries without a value for all that an extractor would have measured."""
    names = [*distances.METRICS, *classes.SCORES, *neighbours.METRICS]
    if extractor == "indomain":  # which alone knows the classes
        names += classes.SHARES
    return [entry(f"{name}_{extractor}", None, reason=reason) for name in names]


def measure_copies(samples: Tensor, data_dir: Path, sampling: dict[str, Any]) -> tuple[dict, dict]:
    """The share of samples (percent) nearer to a training image than 99 % of validation images are; in pixels.

    Fresh real images would have 1 %. Returns the entry, and a few samples with their nearest training images.
    """
    train, held_out = (open_split(data_dir, split) for split in ("train", "validation"))
    known = torch.from_numpy(train.images[train.indices])
    fresh = torch.from_numpy(held_out.images[np.random.default_rng(0).permutation(held_out.indices)[:COMPARED]])
    apart, index = (found.cpu().numpy() for found in neighbours.nearest(samples.flatten(1), known.flatten(1)))
    usual, _ = neighbours.nearest(fresh.flatten(1).to(samples.device), known.flatten(1))
    share = 100 * float((apart < np.quantile(usual.cpu().numpy(), CLOSE)).mean())
    spread = np.argsort(apart, kind="stable")[np.linspace(0, len(apart) - 1, SHOWN).round().astype(int)]
    against = {
        "split": "train",
        "count": len(known),
        "resolution": known.shape[-1],
        "images_sha256": images_sha256(train.info, "train"),
    }
    passport = issue({"name": "pixels"}, against, sampling | {"samples": len(samples)})
    pictures = {"nearest_samples": samples.cpu().numpy()[spread], "nearest_training": known.numpy()[index[spread]]}
    return entry("copies", share, passport=passport | {"indicative": False}), pictures
