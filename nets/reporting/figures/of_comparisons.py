"""The figures that compare the models of one task on one data set: all that there are, and how they are drawn."""

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


def draw_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Draw what there is to draw of a comparison; returns what was drawn."""
    paths = {figure.path(comparison, folder): figure for figure in FIGURES}
    return [path for path, figure in paths.items() if figure.redraw(comparison, path)]
