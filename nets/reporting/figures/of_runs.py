"""The figures of one run: all that there are, in the page's order, and how they are drawn."""

from pathlib import Path

from nets.reporting.figures import curves, evolution, latent_space, mistakes, samples, segments
from nets.reporting.figures.figure import RunFigure
from nets.reporting.results import load_result

FIGURES: tuple[RunFigure, ...] = (
    samples.SAMPLES,  # the most telling first
    *latent_space.FIGURES,
    *segments.FIGURES,
    evolution.EVOLUTION,
    *samples.FIGURES,
    curves.CURVES,
    *mistakes.FIGURES,
)


def draw_run(folder: Path) -> list[Path]:
    """Draw what a run's files allow into `<folder>/figures`; a hole may have none. Returns what was drawn."""
    result, target = load_result(folder), folder / "figures"
    target.mkdir(parents=True, exist_ok=True)
    return [target / figure.file for figure in FIGURES if figure.redraw(result, target / figure.file)]
