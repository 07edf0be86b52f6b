"""The pictures of pages: copies in the report's folder, small enough to send the report to somebody."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nets.files import naming
from nets.reporting.comparisons import Comparison
from nets.reporting.figures import evolution, of_comparisons, of_runs
from nets.reporting.figures.curves import CURVES
from nets.reporting.figures.figure import SECTIONS, Figure
from nets.reporting.figures.pictures import grid
from nets.reporting.figures.style import WRITTEN_OUT
from nets.reporting.page.addresses import address, row_of
from nets.reporting.page.page import Suite
from nets.reporting.results import Result

MOST_RUNS = 500  # of a suite whose pictures are copied; of a larger one, pages show those in the folders of its runs
IN_A_ROW = 350  # pixels: the width of a frame of an evolution before it is enlarged


@dataclass(frozen=True)
class Picture:
    """A picture of a page; `kind` is its class in the style sheet."""

    source: str
    alt: str
    caption: str
    kind: str


@dataclass(frozen=True)
class Frames:
    """What a network made of the same images or latents at several epochs: one picture, a row for each epoch."""

    source: str
    alt: str
    caption: str
    epochs: list[int]


class Pictures:
    """Puts the pictures of a suite into a new folder of a report. Each is made once, whichever pages show it."""

    def __init__(self, suite: Suite, folder: Path):
        self.suite, self.folder = suite, folder
        self.made: dict[Path, str] = {}
        self.copied = len(suite.results) <= MOST_RUNS
        self.firsts: dict[str, str] = {}  # the first run of each row that has a result
        for result in suite.results:
            if result.ok:
                self.firsts.setdefault(row_of(result), result.name)

    def shows(self, result: Result) -> bool:
        """Whether pages show the pictures of a run: those of one seed of a row, or of all if they need no copies."""
        return not self.copied or self.firsts.get(row_of(result), result.name) == result.name

    def of_run(self, result: Result) -> list[Picture]:
        """The figures drawn for a result, in the order of the list; a page has other means to show some of them.

        None if `shows` says so.
        """
        return list(self.find(result)) if self.shows(result) else []

    def elsewhere(self, result: Result) -> list[tuple[str, str]]:
        """The figures of a run that `of_run` leaves out: what each is called, and how a page reaches it."""
        if self.shows(result):
            return []
        paths = [result.folder / "figures" / figure.file for figure in of_runs.FIGURES]
        return [
            (path.stem.replace("_", " "), f"{self.suite.shown}/{address('runs', result.name, 'figures', path.name)}")
            for path in paths
            if path.exists()
        ]

    def find(self, result: Result) -> Iterator[Picture]:
        """See `of_run`."""
        inputs = "images" if result.task == "reconstruction" else "latents"
        left_out = {CURVES.file}  # pages have a chart, a table and frames in the place of these
        left_out |= {"confusion.svg"} if confusion_fits(result) else set()
        left_out |= {evolution.EVOLUTION.file} if self.copied else set()
        for figure in of_runs.FIGURES:
            path = result.folder / "figures" / figure.file
            wanted = figure.file not in left_out and (figure.of_samples or not result.samples_only)
            if wanted and path.exists():
                alt = f"{path.stem.replace('_', ' ').capitalize()} of {result.label} on {result.run.dataset}"
                caption = figure.caption.replace("{inputs}", inputs)
                source = self.source(path, "runs", result.name)
                yield Picture(source, f"{alt}, seed {result.run.seed}", caption, path.stem)

    def of_comparison(self, comparison: Comparison) -> dict[str, list[Picture]]:
        """The figures drawn for a comparison, by section of its page."""
        pictures: dict[str, list[Picture]] = {section: [] for section in SECTIONS}
        for figure in of_comparisons.FIGURES:
            path = of_comparisons.path_of(figure, comparison, self.suite.folder / "figures")
            if path.exists():
                title = figure.title.format(task=comparison.task, dataset=comparison.dataset)
                caption = figure.caption + stretched(figure, comparison)
                source = self.source(path, "figures")
                pictures[figure.section].append(Picture(source, title, caption, figure.section))
        return pictures

    def source(self, path: Path, *place: str) -> str:
        """The address of a figure in a folder of the suite: of its copy, if there is one. PNG become lossless WebP."""
        if not self.copied:
            return f"{self.suite.shown}/{address(*path.relative_to(self.suite.folder).parts)}"
        if path not in self.made:
            suffix = ".webp" if path.suffix == ".png" else path.suffix
            copy = self.folder.joinpath("pictures", *place, path.stem + suffix)
            copy.parent.mkdir(parents=True, exist_ok=True)
            with naming(copy):
                if suffix == ".webp":
                    save(Image.open(path), copy)
                else:
                    shutil.copyfile(path, copy)
            self.made[path] = address(*copy.relative_to(self.folder).parts)
        return self.made[path]

    def frames(self, result: Result) -> Frames | None:
        """What a network made of the same inputs while it learned; None if it was not watched, or `of_run` shows it."""
        if not self.copied or not self.shows(result) or result.samples_only or not evolution.has_snapshots(result):
            return None
        images, epochs = result.snapshots["images"], result.snapshots["epochs"]
        chosen = evolution.chosen(epochs)
        count = max(1, min(evolution.SHOWN, images.shape[1], IN_A_ROW // images.shape[-1]))
        path = self.folder / "pictures" / "runs" / result.name / "frames.webp"
        if path not in self.made:
            path.parent.mkdir(parents=True, exist_ok=True)
            strip = images[chosen, :count].reshape(-1, *images.shape[2:])
            with naming(path):
                save(Image.fromarray(grid(strip, columns=count, size=1)), path)
            self.made[path] = address(*path.relative_to(self.folder).parts)
        inputs = "images" if result.task == "reconstruction" else "latents"
        caption = evolution.EVOLUTION.caption.replace("{inputs}", inputs)
        alt = f"{result.label} on {result.run.dataset}, seed {result.run.seed}: a row of images for each epoch"
        return Frames(self.made[path], alt, caption, [int(epoch) for epoch in np.asarray(epochs)[chosen]])


def save(image: Image.Image, path: Path) -> None:
    """Write a picture as WebP without loss."""
    mode = "RGBA" if "A" in image.mode or "transparency" in image.info else "RGB"
    image.convert(mode).save(path, lossless=True, quality=50, method=4)


def stretched(figure: Figure, comparison: Comparison) -> str:
    """What a caption says of a scale that is stretched."""
    headline = comparison.table.headline
    widened = getattr(figure, "stretched", False) and headline and headline.unit == "%"
    return " The scale widens towards 100 %." if widened else ""


def confusion_fits(result: Result) -> bool:
    """Whether the confusion of classes is small enough for a table of the page."""
    return 0 < len(result.arrays.get("confusion", ())) <= WRITTEN_OUT
