"""How long FID takes: with images that stay on the device, and with torch-fidelity on a folder of PNGs.

    python -m benchmarks.fidelity --run-dir results/quick/runs/dcgan-mnist5k-s0 --data-dir results/data/mnist5k \\
        --extractor results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json

Both draw the same samples from the same generator, read their features and those of the test images with the same
extractor, and get the same FID. The PNGs of the test images are written before the clock starts. The two take turns;
the ratio is that of their medians in one run.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch_fidelity
from PIL import Image
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from nets.data.batches import images_of
from nets.data.prepared import read_info
from nets.fidelity.extractors import Extractor, load_extractor
from nets.jobs.common import known_inception
from nets.metrics.distances import fid
from nets.run import Run
from nets.tasks import task_class
from nets.tasks.contract import Task
from nets.training.numerics import choose_device
from nets.training.outputs import SavedWeights, load_weights

ROUNDS, BATCH = 5, 250


def main() -> None:
    """Time both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, required=True, help="folder of a trained generator")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of its prepared data set")
    parser.add_argument("--extractor", type=Path, required=True, help="manifest.json of a classifier of the same data")
    parser.add_argument("--samples", type=int, default=5000, help="images to draw (default: %(default)s)")
    args = parser.parse_args()
    device = choose_device(1)  # one thread, the default of a job
    task, real = trained(args.run_dir, args.data_dir, device), images_of(args.data_dir, "test")
    extractor = load_extractor(args.extractor, args.data_dir, device, known_inception())
    register(extractor, real.shape[1])
    with tempfile.TemporaryDirectory() as folder:
        write(real, Path(folder, "real"))
        contestants = {
            "in memory": lambda: in_memory(task, extractor, real, args.samples),
            "folder of PNGs": lambda: through_files(task, Path(folder), args.samples, device),
        }
        times: dict[str, list[float]] = {name: [] for name in contestants}
        distances: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, measure in contestants.items():
                start = time.perf_counter()
                distances[name] = measure()
                times[name].append(time.perf_counter() - start)
    best = statistics.median(times["in memory"])
    print(f"{task.run.title}, {args.samples} samples, {len(real)} test images, {device}, median of {ROUNDS}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:16} FID {distances[name]:.6f} {median:8.2f} s  {median / best:6.1f} x")


def trained(run_dir: Path, data_dir: Path, device: torch.device) -> Task:
    """The task of a run with its last weights."""
    run, manifest = Run.load(run_dir), json.loads((run_dir / "manifest.json").read_text())
    kind = task_class(run)
    task = kind(run, kind.pixel_range(read_info(data_dir)), device)
    load_weights(task.networks, run_dir, SavedWeights(**manifest["weights"][kind.measured[-1]]))
    return task


def in_memory(task: Task, extractor: Extractor, real: Tensor, count: int) -> float:
    """FID as the jobs compute it."""
    return fid(extractor.read(real).features, extractor.read(task.sample(count, seed=0)).features)


def through_files(task: Task, folder: Path, count: int, device: torch.device) -> float:
    """FID as torch-fidelity's command computes it."""
    write(task.sample(count, seed=0), folder / "generated")
    options = {"fid": True, "feature_extractor": "ours", "cuda": device.type == "cuda", "batch_size": BATCH}
    paths = {"input1": str(folder / "generated"), "input2": str(folder / "real")}
    metrics = torch_fidelity.calculate_metrics(**paths, **options, cache=False, verbose=False)
    return metrics["frechet_inception_distance"]


def write(images: Tensor, folder: Path) -> None:
    """Write images (N, C, H, W) uint8 as PNGs."""
    folder.mkdir(exist_ok=True)
    for number, pixels in enumerate(images.cpu().permute(0, 2, 3, 1).numpy()):
        Image.fromarray(pixels.squeeze()).save(folder / f"{number:05d}.png")


def register(extractor: Extractor, channels: int) -> None:
    """Register the extractor with torch-fidelity as `ours`. Grey images reach it with three equal channels."""

    class Ours(FeatureExtractorBase):
        def __init__(self, name, features_list, **options):
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list():
            return ("features",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "features"

        @staticmethod
        def can_be_compiled():
            return False

        def forward(self, images):
            return (extractor.read(images[:, :channels]).features.double(),)

    torch_fidelity.register_feature_extractor("ours", Ours)


if __name__ == "__main__":
    main()
