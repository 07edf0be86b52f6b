"""Measure generated images: against real ones in the features of extractors, and how many copy training images.

The rule `evaluate` uses this for generators, `reference` for the scale: the same metrics for real images and noise.
"""

import io
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nets.data.batches import images_of
from nets.data.prepared import images_sha256, is_drawn, open_split, read_info
from nets.errors import UserError
from nets.fidelity import copies
from nets.fidelity.extractors import Extractor, Features, load_extractor
from nets.fidelity.passport import issue
from nets.files import read_json, read_verified
from nets.metrics import classes, distances, neighbours
from nets.metrics.measurement import Measurement, Measurements
from nets.tasks.contract import Evaluation, Generator
from nets.tasks.precision import Precision
from nets.trust import inside

COMPARED = 1000  # number of samples, and of held-out images, that are compared with training images
TIMED = 64  # samples drawn to measure the time
SHOWN = 16  # samples that the figure shows with their nearest training images


def compare(real: Tensor, shares: list[float] | None, generated: Features) -> dict[str, Any]:
    """Every metric of generated images against real features (N, D); `shares` (K,) of the real classes, if known.

    A metric that can't be had is Unmeasured.
    """
    values = {
        **distances.METRICS.measure(real, generated.features),
        **classes.SCORES.measure(generated.logits),
        **neighbours.METRICS.measure(real, generated.features),
    }
    return values if shares is None else values | classes.SHARES.measure(shares, generated.logits)


def measure(
    task: Generator,
    references: list[Path],
    data_dir: Path,
    device: torch.device,
    inception: str = "",
) -> Measurements:
    """Metrics of fresh samples, and arrays for the figures. If an extractor is missing, its metrics have no values.

    `inception` is the SHA-256 of Inception's weights in weights.yaml.
    """
    sampling = task.sampling() | {"number_type": Precision().name(device)}
    samples = task.sample(sampling["samples"], seed=task.run.seed + 1)
    measured, classifier, kept = Measurements(), None, None
    for path in references:
        name = path.parent.name.rsplit("-", 1)[1]
        reference = read_json(path)
        if reference["status"] != "ok":
            measured.metrics += holes(name, reference["reason"])
            continue
        if reference["reference"]["images_sha256"] != images_sha256(read_info(data_dir), "test"):
            raise UserError(f"{path} is of other test images than those in {data_dir}; delete it and make it again.")
        source = source_of(path, reference)
        extractor = load_extractor(source, data_dir, device, inception)
        if not extractor.passport.items() <= reference["extractor"].items():  # which says how good it is, too
            raise UserError(f"{path} was made with another extractor than {source}; delete it and make it again.")
        generated = extractor.read(samples)
        real = stored(path, reference, "features").to(device)
        values = compare(real, reference["classes"], generated)
        passport = issue(reference["extractor"], reference["reference"], sampling)
        measured.metrics += [Measurement(f"{key}_{name}", value, passport=passport) for key, value in values.items()]
        if name == "indomain":
            found = studies(task, extractor, real, reference["classes"], generated)
            measured.metrics += [Measurement(key, value, passport=passport) for key, value in found.metrics.items()]
            measured.arrays |= found.arrays
        kept = kept or kept_copies(path, reference, data_dir)
        if reference["classes"] is not None:
            classifier = replace(extractor, passport=reference["extractor"])
            measured.arrays |= {
                "classes_real": np.array(reference["classes"]),
                "classes_generated": classes.shares(generated.logits),
            }
    copied = measure_copies(samples[:COMPARED], data_dir, sampling, classifier, task.run.seed, kept)
    return Measurements(measured.metrics + copied.metrics, measured.arrays | copied.arrays)


def studies(
    task: Generator, extractor: Extractor, real: Tensor, shares: list[float] | None, generated: Features
) -> Evaluation:
    """What the option `measure` asks of samples, in the features of the in-domain extractor.

    That is FID of the task's alternative samples over the steps of each sampler, with the FID of a twentieth of all
    steps as metrics; and how many classes are drawn. The other arguments are as for `compare`.
    """
    found = Evaluation({})
    if shares is not None and task.asked("modes"):
        found.metrics |= {
            f"{key}_indomain": value for key, value in classes.MODES.measure(shares, generated.logits).items()
        }
    gaussian = distances.Gaussian.of(real)
    curves: dict[str, dict[int, float]] = {}
    for sampler, steps, samples in task.alternatives():
        features = distances.Gaussian.of(extractor.read(samples).features)
        curves.setdefault(sampler, {})[steps] = distances.frechet(gaussian, features)
    for sampler, curve in curves.items():
        few = list(curve)[len(curve) // 2]
        found.metrics[f"fid_few_{sampler}"] = curve[few]
        found.arrays["sampling_steps"] = np.array(list(curve))
        found.arrays[f"fid_by_steps_{sampler}"] = np.array(list(curve.values()))
    return found


def source_of(path: Path, reference: dict[str, Any]) -> Path:
    """The file that describes the extractor of a reference.json; that of a suite is in the same folder of results."""
    source = Path(reference["source"])
    if path.parent.parent.name == "fidelity":  # results/<suite>/fidelity/<dataset>-<extractor>/reference.json
        inside(path.parents[3], os.path.relpath(source, path.parents[3]))
    return source


def time_a_sample(task: Generator) -> dict[str, Any]:
    """Time per sample, drawn in batches on this device. It is not a metric, because it depends on the machine."""
    task.sample(TIMED, seed=0).cpu()  # warm up; `cpu` waits for the device
    start = time.perf_counter()
    task.sample(TIMED, seed=0).cpu()
    return {"seconds_per_sample": (time.perf_counter() - start) / TIMED, "device": task.device.type}


def holes(extractor: str, reason: str) -> list[Measurement]:
    """All metrics of an extractor, without values."""
    names = [*distances.METRICS, *classes.SCORES, *neighbours.METRICS]
    if extractor == "indomain":  # only this one knows the classes
        names += [*classes.SHARES, *neighbours.COPIES]
    return [Measurement(f"{name}_{extractor}", None, reason=reason) for name in names]


def stored(path: Path, reference: dict[str, Any], name: str) -> Tensor:
    """An array that is kept beside a reference.json."""
    content = read_verified(
        path.with_name(f"{name}.npy"), reference[f"{name}_sha256"], f"delete {path.parent} and start again"
    )
    return torch.from_numpy(np.load(io.BytesIO(content)))


def keep_copies(data_dir: Path, extractor: Extractor | None, device: torch.device) -> copies.Kept | None:
    """What `measure_copies` computes of training and held-out images alone, in pixels and in a classifier's features.

    None where no images are held out, or where the run's seed draws the training images.
    """
    held_out = fresh(data_dir)
    if held_out is None or is_drawn(read_info(data_dir), "train"):
        return None
    known = images_of(data_dir, "train")
    searches = {name: copies.Known(known, view, device) for name, view, _ in views_of(extractor)}
    limits = {name: search.match(held_out).limit for name, search in searches.items()}
    return copies.Kept(limits, list(searches.values())[1].views if extractor else None)


def kept_copies(path: Path, reference: dict[str, Any], data_dir: Path) -> copies.Kept | None:
    """What a reference has of `keep_copies`, if anything. Raises UserError if it is of other images than `data_dir`.

    In a bundle, the limits are without the features of the training images, which are then computed.
    """
    if not (known := reference.get("copies")):
        return None
    if known["images_sha256"] != learned_sha256(data_dir):
        raise UserError(f"{path} is of other training images than those in {data_dir}; delete it and make it again.")
    if not path.with_name("training.npy").exists():
        return copies.Kept(known["limits"], None)
    views = stored(path, reference, "training")
    return copies.Kept(known["limits"], views if len(views) else None)


def learned_sha256(data_dir: Path) -> list[str]:
    """Hashes that identify the images of training and validation."""
    info = read_info(data_dir)
    return [images_sha256(info, split) for split in ("train", "validation")]


def fresh(data_dir: Path) -> Tensor | None:
    """Held-out images (N, C, H, W) uint8, N at most COMPARED; None if there are none."""
    held_out = open_split(data_dir, "validation")
    chosen = np.random.default_rng(0).permutation(held_out.indices)[:COMPARED]
    return torch.from_numpy(held_out.images[chosen]) if len(chosen) else None


def views_of(extractor: Extractor | None) -> list[tuple[str, copies.View, dict[str, Any]]]:
    """The metrics of copies, what each compares (pixels, or features of a classifier), and its entry in passports."""
    views: list[tuple[str, copies.View, dict[str, Any]]] = [("copies", copies.pixels, {"name": "pixels"})]
    if extractor:
        views.append((f"copies_{extractor.passport['name']}", copies.features(extractor), extractor.passport))
    return views


def measure_copies(
    samples: Tensor,
    data_dir: Path,
    sampling: dict[str, Any],
    extractor: Extractor | None,
    seed: int,
    kept: copies.Kept | None = None,
) -> Measurements:
    """The percentage of samples that copy a training image, in pixels and in features; see `nets.fidelity.copies`.

    `samples` (N, C, H, W) uint8 are on the device that computes. `kept` has what does not depend on them, if that is
    known. The arrays are a few samples and their nearest training images, the likeliest copies first.
    """
    views, known, held_out = views_of(extractor), images_of(data_dir, "train", seed), fresh(data_dir)
    if held_out is None:
        reason = "There are no validation images to say how near a new image is to the training images."
        return Measurements([Measurement(name, None, reason=reason) for name, *_ in views], {})
    against = {
        "split": "train",
        "count": len(known),
        "resolution": known.shape[-1],
        "images_sha256": images_sha256(read_info(data_dir), "train"),
    }

    in_pixels = copies.Known(known, copies.pixels, samples.device)
    found = in_pixels.match(samples)

    def measure_in(name: str, view: copies.View, how: dict[str, Any]) -> Measurement:
        seen, limit = (kept.views, kept.limits.get(name)) if kept else (None, None)
        training = in_pixels if view is copies.pixels else copies.Known(known, view, samples.device, seen)
        if limit is None:
            limit = training.match(held_out).limit
        if limit < copies.SAME:
            reason = "Too many held-out images are equal to training images, so copies can't be told from new images."
            return Measurement(name, None, reason=reason)
        passport = issue(how, against, sampling | {"samples": len(samples)}) | {"indicative": False}
        matches = found if training is in_pixels else training.match(samples)
        return Measurement(name, matches.share(limit), passport=passport)

    order = found.ratio.argsort(stable=True)
    spread = order[torch.linspace(0, len(order) - 1, SHOWN).round().long()]
    pictures = {
        "nearest_samples": samples.cpu()[spread].numpy(),
        "nearest_training": known[found.nearest[spread]].numpy(),
    }
    return Measurements([measure_in(*view) for view in views], pictures)
