"""The list of all figures of one run, in the page's order: the most telling first."""

from pathlib import Path

from nets.reporting.figures import anatomy, classification, curves, evolution, latent_space, samples, segmentation
from nets.reporting.figures.figure import RunFigure
from nets.reporting.results import load_result

FIGURES: tuple[RunFigure, ...] = (
    samples.SAMPLES,
    *latent_space.FIGURES,
    *segmentation.FIGURES,
    evolution.EVOLUTION,
    *samples.FIGURES,
    curves.CURVES,
    *classification.FIGURES,
    *anatomy.FIGURES,
)


def draw_run(folder: Path) -> list[Path]:
    """Draw the figures that a run has data for into `<folder>/figures`; returns their paths. A hole may have none."""
    result, target = load_result(folder), folder / "figures"
    target.mkdir(parents=True, exist_ok=True)
    return [target / figure.file for figure in FIGURES if figure.redraw(result, target / figure.file)]
