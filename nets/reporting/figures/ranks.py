"""Mean ranks over data sets, with Nemenyi's critical difference: rows under one bar can't be told apart."""

from pathlib import Path
from typing import Any

from nets.reporting.figures import style
from nets.reporting.statistics import ALPHA
from nets.reporting.tables.across import Across

CAPTION = (
    "Mean ranks over data sets; further left is better. A bar joins rows that can't be told apart; the bar at the top "
    "is Nemenyi's critical difference."
)


def draw_ranks(across: Across, folder: Path) -> Path:
    """Draw `across-<task>.svg` and `.png`; returns the path of the SVG."""
    found, names = across.found, [row.label for row in across.table.rows]
    count, half = len(names), (len(names) + 1) // 2
    groups = across.groups if found.p < ALPHA else [list(range(count))]
    top = 0.55 + 0.22 * len(groups)
    path = folder / f"across-{across.task}.svg"
    with style.drawing(path, 6.4, 0.9 + 0.22 * (half + len(groups))) as (axis,):
        axis.set_axis_off()
        axis.set_xlim(1 - 0.55 * (count - 1), count + 0.55 * (count - 1))
        axis.set_ylim(-(top + 0.32 * half + 0.2), 1.25)
        line: dict[str, Any] = {"color": style.INK, "linewidth": 0.8}
        axis.plot([1, count], [0, 0], **line)
        for tick in range(1, count + 1):
            axis.plot([tick, tick], [0, 0.12], **line)
            axis.text(tick, 0.18, str(tick), ha="center", va="bottom", color=style.MUTED, fontsize=8)
        for place, (rank, name) in enumerate(zip(found.mean, names, strict=True)):
            left = place < half
            height = -(top + 0.32 * (place if left else count - 1 - place))
            end = 1 - 0.04 * (count - 1) if left else count + 0.04 * (count - 1)
            axis.plot([rank, rank, end], [0, height, height], **line)
            text = f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}"
            axis.text(end, height, f" {text} ", ha="right" if left else "left", va="center", fontsize=8)
        for level, group in enumerate(groups):
            height, ends = -(0.25 + 0.22 * level), (found.mean[group[0]] - 0.03, found.mean[group[-1]] + 0.03)
            axis.plot(ends, [height, height], color=style.COLOURS[0], linewidth=3)
        width = min(found.critical, count - 1)
        axis.plot([1, 1 + width], [0.75, 0.75], color=style.COLOURS[1], linewidth=2)
        more = "" if width == found.critical else ", more than all ranks"
        axis.text(1, 0.85, f"critical difference {found.critical:.2f}{more}", fontsize=8, va="bottom")
    return path
