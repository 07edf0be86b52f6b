"""FID of images that stay in memory against torch-fidelity on a folder of PNGs.

Both draw the same samples from the same DCGAN, read their features and those of 1,000 test images with the same
LeNet-5, and get the same FID. The PNGs of the test images are written beforehand.
"""

import contextlib
import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import torch_fidelity
from PIL import Image
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from benchmarks.measuring import Findings, Place, Side, clock, compare
from benchmarks.networks import CPU, describe
from nets.data.batches import images_of
from nets.fidelity.extractors import Extractor, load_extractor
from nets.metrics.distances import fid
from nets.tasks.contract import Generator
from nets.training.session import Session, build, train

BATCH, SAMPLES = 250, (500, 5000)


def measure(place: Place) -> Findings:
    """Both ways, for few samples and for many."""
    data = place.data("mnist5k")
    real, task = images_of(data, "test"), build(Session(describe("dcgan mnist5k dcgan"), place.folder, data, CPU))
    extractor = train_extractor(place, data)
    register(extractor, real.shape[1])
    write(real, place.folder / "real")
    found, distances = Findings("folder of PNGs"), {}

    def side(label: str, work: Callable[[], float]) -> Side:
        return lambda: clock(lambda: distances.update({label: work()}))

    for count in place.some(SAMPLES, 1):
        ours = side("memory", lambda count=count: in_memory(task, extractor, real, count))
        other = side("folder", lambda count=count: through_files(task, place.folder, count))
        found.comparisons.append(compare(f"fidelity: {count:,} samples", ours, other, 3))
        if not math.isclose(distances["memory"], distances["folder"], rel_tol=1e-4):
            raise SystemExit(f"The two FIDs of {count} samples differ: {distances}; one of the two ways is wrong.")
    return found


def train_extractor(place: Place, data: Path) -> Extractor:
    """LeNet-5 after an epoch."""
    run = describe("lenet5 mnist5k lenet5 epochs=1")
    folder = place.folder / "extractor"
    folder.mkdir()
    (folder / "config.json").write_text(run.to_json())
    with contextlib.redirect_stderr(io.StringIO()):
        train(Session(run, folder, data, CPU))
    return load_extractor(folder / "manifest.json", data, CPU)


def in_memory(task: Generator, extractor: Extractor, real: Tensor, count: int) -> float:
    """FID as the jobs compute it."""
    return fid(extractor.read(real).features, extractor.read(task.sample(count, seed=0)).features)


def through_files(task: Generator, folder: Path, count: int) -> float:
    """FID as torch-fidelity's command computes it."""
    write(task.sample(count, seed=0), folder / f"generated{count}")
    options = {"fid": True, "feature_extractor": "ours", "cuda": False, "batch_size": BATCH}
    paths = {"input1": str(folder / f"generated{count}"), "input2": str(folder / "real")}
    with warnings.catch_warnings(category=UserWarning, action="ignore"):  # it has more workers than there are cores
        metrics = torch_fidelity.calculate_metrics(**paths, **options, cache=False, verbose=False)
    return metrics["frechet_inception_distance"]


def write(images: Tensor, folder: Path) -> None:
    """Write images (N, C, H, W) uint8 as PNGs."""
    folder.mkdir(exist_ok=True)
    for number, pixels in enumerate(images.permute(0, 2, 3, 1).numpy()):
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
