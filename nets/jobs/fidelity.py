"""What generated images are worth: against real ones in the features of extractors, and as copies of training images.

Used by `nets.jobs.reference` for the scale of real images and noise, and by `nets.jobs.evaluate` for generators.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nets.data.prepared import open_split
from nets.jobs.common import entry
from nets.metrics import classes, fidelity, neighbours
from nets.tasks.contract import Task
from nets.tasks.extractors import Features, load_extractor

DIRECTIONS = {
    **dict.fromkeys(("fid", "kid", "class_tv"), "lower"),
    **dict.fromkeys(("is", "precision", "recall", "density", "coverage"), "higher"),
}
COMPARED = 1000  # samples, and held-out images, whose nearest training images are sought
CLOSE = 0.01  # share of held-out images that are nearer to a training image than a sample may be
SHOWN = 16  # samples over their nearest training images


def compare(real: np.ndarray, shares: list[float] | None, generated: Features) -> dict[str, float]:
    """Every metric of generated images against real features (N, D); `shares` (K,) of classes where they are known."""
    found = {
        "fid": fidelity.fid(real, generated.features),
        "kid": fidelity.kid(real, generated.features),
        "is": classes.inception_score(generated.logits),
        **neighbours.precision_recall(real, generated.features),
        **neighbours.density_coverage(real, generated.features),
    }
    if shares is not None:
        found["class_tv"] = classes.total_variation(shares, classes.shares(generated.logits))
    return found


def measure(task: Task, references: list[Path], data_dir: Path, device: torch.device) -> tuple[list, dict]:
    """Entries of `metrics.json` for fresh samples, and arrays for the figures; holes where an extractor is missing."""
    sampling = task.sampling()
    samples = task.sample(sampling["samples"], seed=task.run.seed + 1)
    metrics: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for path in references:
        name = path.parent.name.rsplit("-", 1)[1]
        reference = json.loads(path.read_text())
        if reference["status"] != "ok":
            why = {"reason": reference["reason"]}
            metrics += [entry(f"{metric}_{name}", None, "lower", **why) for metric in ("fid", "kid")]
            continue
        generated = load_extractor(Path(reference["source"]), data_dir, device).read(samples)
        found = compare(np.load(path.with_name("features.npy")), reference["classes"], generated)
        passport = fidelity.passport(reference["extractor"], reference["reference"], sampling)
        metrics += [entry(f"{key}_{name}", v, DIRECTIONS[key], passport=passport) for key, v in found.items()]
        if reference["classes"] is not None:
            arrays |= {
                "classes_real": np.array(reference["classes"]),
                "classes_generated": classes.shares(generated.logits),
            }
    copies, pictures = measure_copies(samples[:COMPARED], data_dir, sampling)
    return [*metrics, copies], arrays | pictures


def measure_copies(samples: torch.Tensor, data_dir: Path, sampling: dict[str, Any]) -> tuple[dict, dict]:
    """The share of samples (percent) nearer to a training image than 99 % of validation images are; in pixels.

    Fresh real images would have 1 %. Returns the entry, and a few samples with their nearest training images.
    """
    train, held_out = (open_split(data_dir, split) for split in ("train", "validation"))
    known = train.images[train.indices]
    fresh = held_out.images[np.random.default_rng(0).permutation(held_out.indices)[:COMPARED]]
    apart, index = neighbours.nearest(flat(samples.numpy()), flat(known))
    usual, _ = neighbours.nearest(flat(fresh), flat(known))
    share = 100 * float((apart < np.quantile(usual, CLOSE)).mean())
    spread = np.argsort(apart, kind="stable")[np.linspace(0, len(apart) - 1, SHOWN).round().astype(int)]
    against = {"split": "train", "count": len(known), "resolution": known.shape[-1]}
    passport = fidelity.passport({"name": "pixels"}, against, sampling | {"samples": len(samples)})
    pictures = {"nearest_samples": samples.numpy()[spread], "nearest_training": known[index[spread]]}
    return entry("copies", share, "lower", passport=passport | {"indicative": False}), pictures


def flat(images: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) as rows of pixels (N, C * H * W)."""
    return images.reshape(len(images), -1)
