"""The reference of a data set for one extractor: features of its test images, the scale, and what copies are told by.

The scale gives the values of every metric for images of known quality: real ones, and noise.
"""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nets.data.batches import images_of
from nets.data.prepared import images_sha256, open_split, read_info
from nets.fidelity import measure
from nets.fidelity.extractors import Extractor, Features, load_extractor
from nets.fidelity.passport import NOISE
from nets.files import atomic, read_json, sha256, sha256_of_json, write_json
from nets.metrics import classes
from nets.metrics.classification import top_k
from nets.metrics.metric import Unmeasured


def write_reference(
    source: Path,
    data_dir: Path,
    output: Path,
    counts: list[int],
    cache: Path | None,
    device: torch.device,
    inception: str = "",
) -> None:
    """Write `features.npy`, `training.npy` and `reference.json` into `output`, or the reason why there are none.

    `source` is a classifier's manifest.json or the note of fetched weights. `counts` are the numbers of generated
    images for which a scale is made. `cache` is a folder of features that suites share. `inception` is
    the SHA-256 of Inception's weights in weights.yaml.
    """
    notes = [read_json(source), read_info(data_dir)]
    broken = next((note for note in notes if note["status"] != "ok"), None)
    arrays = dict.fromkeys(("features", "training"), np.zeros((0, 0), np.float32))
    if broken:
        known = dict.fromkeys(("extractor", "reference", "classes"))
        content = {"status": broken["status"], "reason": broken["reason"], **known, "scale": []}
    else:
        extractor, split = load_extractor(source, data_dir, device, inception), open_split(data_dir, "test")
        images, info = torch.from_numpy(split.images[split.indices]), split.info
        real = read_once(extractor, images, info, cache)
        arrays["features"] = real.features.cpu().numpy()
        shares, passport = None, extractor.passport
        classifier = extractor if passport["name"] == "indomain" else None
        if classifier:
            shares = classes.shares(real.logits).tolist()
            labels = torch.from_numpy(split.labels[split.indices]).to(device)
            accuracy = round(top_k(real.logits, labels, 1), 2)
            passport = passport | {"top1": accuracy, "classes": real.logits.shape[1]}
        content = {
            "status": "ok",
            "reason": None,
            "extractor": passport,
            "reference": {
                "split": "test",
                "count": len(images),
                "resolution": images.shape[-1],
                "images_sha256": images_sha256(info, "test"),
            },
            "classes": shares,
            "scale": scale(extractor, real.features, shares, images_of(data_dir, "train", seed=0), counts),
        }
        if kept := measure.keep_copies(data_dir, classifier, device):
            content["copies"] = {"limits": kept.limits, "images_sha256": measure.learned_sha256(data_dir)}
            arrays["training"] = arrays["training"] if kept.views is None else kept.views.cpu().numpy()
    content["source"] = str(source)
    for name, values in arrays.items():
        with atomic(output / f"{name}.npy") as temporary, open(temporary, "wb") as file:
            np.save(file, values)
        content[f"{name}_sha256"] = sha256(output / f"{name}.npy")
    write_json(output / "reference.json", content)


def read_once(extractor: Extractor, images: Tensor, info: dict[str, Any], cache: Path | None) -> Features:
    """Features of the test images: from the cache, or computed now and put there.

    The file's name is a hash of all that determines its content, so suites can share it. A damaged one is replaced.
    """
    if cache is None:
        return extractor.read(images)
    known = {key: value for key, value in extractor.passport.items() if key != "run"}
    content = [images_sha256(info, "test"), info["mean"], info["std"], known, extractor.device.type]
    path = cache / f"{sha256_of_json(content)}.npz"
    try:
        with open(path, "rb") as source, np.load(source) as kept:
            return Features(*(torch.from_numpy(kept[name]).to(extractor.device) for name in Features._fields))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        features = extractor.read(images)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{name: value.cpu().numpy() for name, value in features._asdict().items()})
    return features


class Row(NamedTuple):
    """A row of the scale: images that take the place of generated ones, and what they are compared with."""

    title: str
    real: Tensor  # features (N, D)
    shares: list[float] | None  # of classes among the real images
    images: Features


def scale(
    extractor: Extractor, real: Tensor, shares: list[float] | None, train: Tensor, counts: list[int]
) -> list[dict[str, Any]]:
    """The rows of the scale, by every metric: training images against test images and against each other, and noise.

    Training images and noise take the place of generated images; `counts` are their numbers. `real` are the features of
    the test images. A row is left out if there are too few training images for it.
    """
    dice = torch.Generator().manual_seed(0)
    most = min(len(train), max(counts) + len(real))
    chosen = torch.randperm(len(train), generator=dice)[:most]  # prepared images may be sorted by class
    seen = extractor.read(train[chosen])
    noise = extractor.read(torch.randint(256, (max(counts), *train.shape[1:]), dtype=torch.uint8, generator=dice))
    name, rows = extractor.passport["name"], []
    for count in sorted(set(counts)):
        first, other = part(seen, 0, count), part(seen, count, count + len(real))
        others = classes.shares(other.logits).tolist() if shares is not None and len(other.logits) else None
        sets = [
            Row("training images against test images", real, shares, first),
            Row("training images against others of them", other.features, others, first),
            Row(NOISE, real, shares, part(noise, 0, count)),
        ]
        rows += [
            {
                "title": row.title,
                "samples": count,
                "reference": len(real),
                "metrics": {f"{k}_{name}": v for k, v in compared(row).items()},
            }
            for row in sets
            if len(row.real) == len(real) and len(row.images.features) == count
        ]
    return rows


def compared(row: Row) -> dict[str, float]:
    """Every metric of a row that can be measured."""
    values = measure.compare(row.real, row.shares, row.images)
    return {name: value for name, value in values.items() if not isinstance(value, Unmeasured)}


def part(seen: Features, start: int, end: int) -> Features:
    """Features and logits of some of the images."""
    return Features(*(values[start:end] for values in seen))
