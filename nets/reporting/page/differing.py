"""Test images that some classifiers of a comparison answer right and others wrong."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nets.files import naming
from nets.reporting.comparisons import Comparison
from nets.reporting.page.pictures import save
from nets.reporting.reading import read_array
from nets.reporting.results import Result
from nets.trust import inside

PIXELS = 600_000  # of all images that are kept for the pages of a comparison
COLUMNS = 20  # in the picture that holds them


class Images:
    """The images of one comparison that its runs answer differently, or as many of them as are kept.

    `data` is the folder of prepared data sets. There are none for other tasks, and none where the test images are gone
    or the runs have not answered the same ones.
    """

    def __init__(self, data: Path, comparison: Comparison):
        results = [result for result in comparison.results if result.ok and result.right is not None]
        hashes = {result.right[0] for result in results if result.right}
        self.results: list[Result] = results if len(hashes) == 1 and len(results) > 1 else []
        self.kept = np.array([], np.int64)
        self.all = 0
        if self.results:
            path = inside(data, comparison.dataset, "test", "images.npy")
            self.pixels = read_array(path) if path.exists() else np.zeros((0, 1, 1, 1), np.uint8)
            self.choose()

    def choose(self) -> None:
        """Keep the images that are answered differently; if there are too many, evenly spaced ones."""
        right = np.array([result.right[1] for result in self.results if result.right])
        (differing,) = np.nonzero(right.any(axis=0) & ~right.all(axis=0))
        self.all = len(differing)
        if len(self.pixels) == right.shape[1]:
            most = max(1, PIXELS // int(np.prod(self.pixels.shape[1:])))
            places = np.linspace(0, len(differing) - 1, min(most, len(differing))).round().astype(int)
            self.kept = differing[places]

    def draw(self, path: Path) -> None:
        """Write the images into one picture, row by row."""
        if len(self.kept):
            images = self.pixels[self.kept]
            rows = -(-len(images) // COLUMNS)
            _, channels, height, width = images.shape
            sheet = np.zeros((rows * COLUMNS, channels, height, width), np.uint8)
            sheet[: len(images)] = images
            tiles = sheet.reshape(rows, COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
            pixels = tiles.reshape(rows * height, COLUMNS * width, channels)
            path.parent.mkdir(parents=True, exist_ok=True)
            with naming(path):
                save(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), path)
            self.file = f"pictures/{path.name}"

    def described(self) -> dict[str, Any] | None:
        """Where the images are, their truths, and what each run answers; None if there are none."""
        if not len(self.kept):
            return None
        labels = self.results[0].answers["labels"][self.kept].tolist()
        count = max(self.results[0].run.num_classes, int(max(labels)) + 1)
        return {
            "file": self.file,
            "size": list(self.pixels.shape[2:]),
            "columns": COLUMNS,
            "places": self.kept.tolist(),
            "labels": labels,
            "names": self.results[0].class_labels(count),
            "differing": self.all,
            "answers": {result.name: result.answers["predicted"][self.kept].tolist() for result in self.results},
        }
