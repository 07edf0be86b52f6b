"""Rate against distortion of the VAEs of a data set (Alemi et al., "Fixing a Broken ELBO", ICML 2018)."""

from pathlib import Path

import numpy as np

from nets.reporting.figures import labels, style
from nets.reporting.tables.comparison import Table


def rate_distortion(table: Table, path: Path) -> bool:
    """A point a VAE: its KL, and what is missing from the negative ELBO; lines on which both sum to the same."""
    shown = []
    for row in table.rows:
        kl, elbo = (row.cells[key].sort if key in row.cells else None for key in ("kl", "elbo"))
        if kl is not None and elbo is not None:
            shown.append((kl, -elbo - kl, table.names[row.label]))
    if len(shown) < 2:
        return False
    rates, distortions, _ = zip(*shown, strict=True)
    with style.drawing(path, 4.0, 3.3) as (axis,):
        axis.margins(0.2)
        for index, (rate, distortion, _) in enumerate(shown):
            axis.plot([rate], [distortion], "o", markersize=5.5, color=style.COLOURS[index % len(style.COLOURS)])
        axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())
        bound_lines(axis)
        axis.set_title("Distortion against rate")
        axis.set(xlabel="rate: KL (nats)", ylabel="distortion: BCE (nats)")
        labels.place(axis, shown)
    return True


def bound_lines(axis) -> None:
    """Dashed lines of equal negative ELBO over the axes' area."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    x = np.array([left, right])
    for value in axis.yaxis.get_major_locator().tick_values(left + low, right + high):
        if left + low < value < right + high:
            axis.plot(x, value - x, linestyle=(0, (2, 3)), linewidth=0.7, color=style.MUTED, zorder=0)
