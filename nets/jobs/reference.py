"""Features of a data set's real test images under one extractor, and the scale of the numbers that come of them.

Once for all the generators that it measures:

    python -m nets.jobs.reference --data-dir results/data/mnist5k --output results/quick/fidelity/mnist5k-indomain \\
        --extractor results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nets.data.prepared import open_split
from nets.files import atomic, write_json
from nets.jobs import fidelity
from nets.jobs.common import run_job
from nets.metrics import classes
from nets.tasks.extractors import Extractor, load_extractor
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
        features, logits = extractor.read(images)
        shares = classes.shares(logits).tolist() if extractor.passport["name"] == "indomain" else None
        content = {
            "status": "ok",
            "reason": None,
            "extractor": extractor.passport,
            "reference": {"split": "test", "count": len(features), "resolution": images.shape[-1]},
            "classes": shares,
            "scale": scale(extractor, features, shares, images_of(args.data_dir, "train"), images),
        }
    with atomic(args.output / "features.npy") as temporary, open(temporary, "wb") as file:
        np.save(file, features)
    write_json(args.output / "reference.json", content | {"source": str(source)})


def images_of(data_dir: Path, split: str) -> torch.Tensor:
    """The images (N, C, H, W) uint8 of a split."""
    found = open_split(data_dir, split)
    return torch.from_numpy(found.images[found.indices])


def scale(
    extractor: Extractor, features: np.ndarray, shares: list[float] | None, train: torch.Tensor, test: torch.Tensor
) -> list[dict[str, Any]]:
    """What each metric says of images whose worth is known: real ones, real ones against each other, and noise.

    Each set has as many images as the test set, or half of the training images if they are fewer.
    """
    count = min(len(test), len(train) // 2)
    dice = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(train), generator=dice)[: 2 * count]  # prepared images may be sorted by class
    first, second = (extractor.read(train[part]) for part in chosen.split(count))
    noise = extractor.read(torch.randint(256, test[:count].shape, dtype=torch.uint8, generator=dice))
    halves = classes.shares(first.logits).tolist() if shares is not None else None
    rows = [
        ("training images against test images", len(test), fidelity.compare(features, shares, first)),
        ("one half of the training images against the other", count, fidelity.compare(first.features, halves, second)),
        ("noise against test images", len(test), fidelity.compare(features, shares, noise)),
    ]
    name = extractor.passport["name"]
    return [
        {
            "title": title,
            "samples": count,
            "reference": against,
            "metrics": {f"{k}_{name}": v for k, v in found.items()},
        }
        for title, against, found in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
