"""How steadily generators learn: the spreads of the stability table, seed by seed."""

from pathlib import Path

from matplotlib.ticker import NullFormatter

from nets.reporting.comparisons import Comparison
from nets.reporting.figures import style
from nets.reporting.figures.figure import ComparisonFigure
from nets.reporting.tables.stability import SPREAD, spread


def has_stability(comparison: Comparison) -> bool:
    """Whether there is a stability table."""
    return comparison.stability is not None


def stability(comparison: Comparison, path: Path) -> None:
    """One panel per spread, with one line per model: its seeds as points, their mean as a bar."""
    table = comparison.stability
    assert table
    columns = [column for column in table.columns if column.key.endswith(SPREAD)]
    rows = table.rows[::-1]
    size = 2.4 * len(columns) + 1.6, max(1.6, 0.24 * len(rows) + 0.8)
    with style.drawing(path, *size, columns=len(columns)) as axes:
        for axis, column in zip(axes, columns, strict=True):
            shown: list[float] = []
            for height, row in enumerate(rows):
                values = [value for result in row.results if result.ok and (value := spread(result, column.metric))]
                shown += values
                axis.plot(values, [height] * len(values), "o", markersize=4.5, color=style.COLOURS[0], alpha=0.7)
                if mean := row.cells[column.key].sort:
                    axis.plot([mean], [height], "|", markersize=13, color=style.COLOURS[1])
            if shown and max(shown) > 30 * min(shown):
                axis.set_xscale("log")
                axis.xaxis.set_minor_formatter(NullFormatter())
            else:
                axis.set_xlim(left=0)
            axis.set_ylim(-0.6, len(rows) - 0.4)
            axis.set_title(column.label.removesuffix(", spread"))
            names = [table.short_names[row.label] if axis is axes[0] else "" for row in rows]
            axis.set_yticks(range(len(rows)), names)
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


STABILITY = ComparisonFigure(
    "stability-{dataset}.svg",
    has_stability,
    stability,
    "Spreads in the last half of training: one point per seed, and a bar at their mean. Further left is steadier.",
    section="stability",
    title="Stability of training on {dataset}",
)
