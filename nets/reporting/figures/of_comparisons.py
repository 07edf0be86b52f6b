"""The list of all figures that compare the models of one task on one data set, in the page's order."""

from pathlib import Path

from nets.reporting.comparisons import Comparison
from nets.reporting.figures import learning, rate_distortion, spreads, trade_off
from nets.reporting.figures.figure import ComparisonFigure

FIGURES: tuple[ComparisonFigure, ...] = (
    learning.LEARNING,
    *trade_off.FIGURES,
    rate_distortion.RATE_DISTORTION,
    spreads.STABILITY,
)


def path_of(figure: ComparisonFigure, comparison: Comparison, folder: Path) -> Path:
    """The path of a comparison's figure in a folder."""
    return folder / figure.file.format(task=comparison.task, dataset=comparison.dataset)


def draw_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Draw the figures that a comparison has data for; returns their paths."""
    paths = {path_of(figure, comparison, folder): figure for figure in FIGURES}
    return [path for path, figure in paths.items() if figure.redraw(comparison, path)]
