"""Features of a data set's real test images under one extractor, and the scale of the numbers that come of them.

Once for all the generators that it measures:

    python -m nets.jobs.reference --data-dir results/data/mnist5k --output results/quick/fidelity/mnist5k-indomain \\
        --extractor results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json
"""

import argparse
import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nets.data.prepared import images_sha256, open_split, read_info
from nets.files import atomic, write_json
from nets.jobs import fidelity
from nets.jobs.common import run_job
from nets.metrics import classes
from nets.tasks.extractors import Extractor, Features, load_extractor
from nets.training.devices import choose_device
from nets.training.slots import lease


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and extract."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.reference", description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="folder for features.npy and reference.json")
    parser.add_argument(
        "--extractor", type=Path, required=True, help="a classifier's manifest.json, or what nets.jobs.fetch wrote"
    )
    parser.add_argument("--cache", type=Path, help="folder of features by content, shared between suites")
    parser.add_argument(
        "--samples", type=int, nargs="+", default=[10_000], help="counts of generated images to scale (default: 10000)"
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    args = parser.parse_args(argv)
    return run_job(lambda: refer_on_device(args))


def refer_on_device(args: argparse.Namespace) -> None:
    """Extract on a device that is leased for it."""
    with lease():
        refer(args)


def refer(args: argparse.Namespace) -> None:
    """Write the features, or the reason why there are none."""
    device = choose_device(args.threads)
    source = args.extractor
    sources = [json.loads(path.read_text()) for path in (source, args.data_dir / "dataset.json")]
    broken = next((found for found in sources if found["status"] != "ok"), None)
    features, content = np.zeros((0, 0), np.float32), {}
    if broken:
        known = dict.fromkeys(("extractor", "reference", "classes"))
        content = {"status": broken["status"], "reason": broken["reason"], **known, "scale": []}
    else:
        extractor, images = load_extractor(source, args.data_dir, device), images_of(args.data_dir, "test")
        info = read_info(args.data_dir)
        real = read_once(extractor, images, info, args.cache)
        features = real.features.cpu().numpy()
        shares = classes.shares(real.logits).tolist() if extractor.passport["name"] == "indomain" else None
        content = {
            "status": "ok",
            "reason": None,
            "extractor": extractor.passport,
            "reference": {
                "split": "test",
                "count": len(features),
                "resolution": images.shape[-1],
                "images_sha256": images_sha256(info, "test"),
            },
            "classes": shares,
            "scale": scale(extractor, real.features, shares, images_of(args.data_dir, "train"), args.samples),
        }
    with atomic(args.output / "features.npy") as temporary, open(temporary, "wb") as file:
        np.save(file, features)
    write_json(args.output / "reference.json", content | {"source": str(source)})


def images_of(data_dir: Path, split: str) -> Tensor:
    """The images (N, C, H, W) uint8 of a split."""
    found = open_split(data_dir, split)
    return torch.from_numpy(found.images[found.indices])


def read_once(extractor: Extractor, images: Tensor, info: dict[str, Any], cache: Path | None) -> Features:
    """What an extractor sees in the test images: from the cache, or read now and kept there.

    The file is named by all that decides its content, so whoever finds it may use it; a damaged one is made again.
    """
    if cache is None:
        return extractor.read(images)
    known = {key: value for key, value in extractor.passport.items() if key != "run"}
    content = [images_sha256(info, "test"), info["mean"], info["std"], known]
    path = cache / f"{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()}.npz"
    try:
        with open(path, "rb") as file, np.load(file) as kept:
            return Features(*(torch.from_numpy(kept[name]).to(extractor.device) for name in Features._fields))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        found = extractor.read(images)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{name: value.cpu().numpy() for name, value in found._asdict().items()})
    return found


def scale(
    extractor: Extractor, real: Tensor, shares: list[float] | None, train: Tensor, counts: list[int]
) -> list[dict[str, Any]]:
    """What each metric says of images whose worth is known: real ones, real ones against each other, and noise.

    In place of generated images, as many of them as are generated: `counts`. Against as many as there are test images,
    whose features are `real`. Where training images are too few for both there is no such row.
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
            ("training images against test images", real, shares, first),
            ("training images against others of them", other.features, others, first),
            ("noise against test images", real, shares, part(noise, 0, count)),
        ]
        rows += [
            {
                "title": title,
                "samples": count,
                "reference": len(real),
                "metrics": {f"{k}_{name}": v for k, v in fidelity.compare(against, known, found).items()},
            }
            for title, against, known, found in sets
            if len(against) == len(real) and len(found.features) == count
        ]
    return rows


def part(seen: Features, start: int, end: int) -> Features:
    """Features and logits of some of the images."""
    return Features(*(values[start:end] for values in seen))


if __name__ == "__main__":
    sys.exit(main())
