"""Distortion against rate of the VAEs of a data set (Alemi et al., "Fixing a Broken ELBO", ICML 2018)."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from nets.reporting.comparisons import Comparison
from nets.reporting.figures import labels, style
from nets.reporting.figures.figure import ComparisonFigure
from nets.reporting.tables.table import Table


def points(table: Table) -> list[tuple[float, float, str]]:
    """Rate (KL), distortion (the rest of the negative ELBO of grey pixels) and name of each VAE."""
    placed = []
    for row in table.rows:
        kl, elbo = (row.cells[key].sort if key in row.cells else None for key in ("kl", "elbo_grey"))
        if kl is not None and elbo is not None:
            placed.append((kl, -elbo - kl, table.short_names[row.label]))
    return placed


def has_points(comparison: Comparison) -> bool:
    """Whether there are at least two VAEs to compare."""
    return len(points(comparison.table)) > 1


def rate_distortion(comparison: Comparison, path: Path) -> None:
    """One point per VAE, and lines along which the sum of rate and distortion is constant."""
    shown = points(comparison.table)
    with style.drawing(path, 4.0, 3.3) as (axis,):
        axis.margins(0.2)
        for index, (rate, distortion, _) in enumerate(shown):
            axis.plot([rate], [distortion], "o", markersize=5.5, color=style.COLOURS[index % len(style.COLOURS)])
        axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())
        bound_lines(axis)
        axis.set_title("Distortion against rate")
        axis.set(xlabel="rate: KL (nats)", ylabel="distortion: BCE of grey pixels (nats)")
        labels.place(axis, shown)


def bound_lines(axis: Axes) -> None:
    """Draw dashed lines of equal negative ELBO across the axes."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    x = np.array([left, right])
    for value in axis.yaxis.get_major_locator().tick_values(left + low, right + high):
        if left + low < value < right + high:
            axis.plot(x, value - x, linestyle=(0, (2, 3)), linewidth=0.7, color=style.MUTED, zorder=0)


RATE_DISTORTION = ComparisonFigure(
    "{task}-{dataset}-rate_distortion.svg",
    has_points,
    rate_distortion,
    "Rate (KL) is what a code says about its image, distortion what it leaves out (both in nats). Along a dashed line "
    "their sum, the negative ELBO, is constant: a VAE trades detail for a code closer to the prior. Lower left is "
    "better. Distortion is the BCE of grey pixels, which can't fall below their entropy.",
    section="cost",
    title="Distortion against rate of {task} on {dataset}",
)
