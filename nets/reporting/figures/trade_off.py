"""Quality against cost: the headline of each model against its size, its arithmetic or its training time."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from nets.reporting.comparisons import Comparison
from nets.reporting.figures import labels, style
from nets.reporting.figures.figure import ComparisonFigure
from nets.reporting.tables.table import Table


class Point(NamedTuple):
    """A model's cost and quality, the quality's interval if it has one, and the model's name and place in the table."""

    cost: float
    quality: float
    interval: tuple[float, float] | None
    seeds: int  # with one, the interval is that of the test set alone
    name: str
    place: int


def points(table: Table, key: str) -> list[Point]:
    """The models that have both a mean of the headline, if that is usable, and a cost, which is in column `key`."""
    column = table.headline
    # Quality of samples is plotted against the MACs of a sample, any other quality against those of the network.
    if column is None or column.unusable or key == ("macs" if column.metric.startswith("fid_") else "sample_macs"):
        return []
    placed = []
    for place, row in enumerate(table.rows):
        quality, cost = row.cells[column.key], row.cells[key].sort
        if quality.sort is not None and cost:
            kind = "test" if quality.bounds else "ci"
            low, high = (quality.raw[f"{column.key}_{kind}_{end}"] for end in ("low", "high"))
            interval = None if low is None else (low, high)
            placed.append(Point(cost, quality.sort, interval, len(row.results), table.short_names[row.label], place))
    return placed


def has_points(key: str, comparison: Comparison) -> bool:
    """Whether there are at least two models to compare."""
    return len(points(comparison.table, key)) > 1


def trade_off(key: str, short: str, long: str, comparison: Comparison, path: Path) -> None:
    """One point per model, with its interval, against a cost that the title calls `short` and the axis `long`."""
    table, column, shown = comparison.table, comparison.table.headline, points(comparison.table, key)
    assert column
    with style.drawing(path, *((4.0, 3.3) if len(shown) <= 10 else (6.2, 4.6))) as (axis,):
        axis.set_xscale("log")
        axis.margins(0.12)
        for point in shown:
            colour = style.COLOURS[point.place % len(style.COLOURS)]
            look = {"linestyle": ":", "linewidth": 1.2} if point.seeds == 1 else {"linewidth": 1, "alpha": 0.5}
            if point.interval:
                axis.plot([point.cost, point.cost], point.interval, color=colour, **look)
            fill = style.SURFACE if point.seeds == 1 else colour
            axis.plot([point.cost], [point.quality], "o", markersize=5.5, color=colour, markerfacecolor=fill)
        if column.unit == "%":
            style.stretch(axis)
        style.count_ticks(axis)
        places = {point.place for point in shown}
        left_out = [table.short_names[row.label] for place, row in enumerate(table.rows) if place not in places]
        words = column.label + (f" ({column.unit})" if column.unit else "")
        axis.set_title(f"{words} against {short}")
        axis.set_xlabel(long + (f"\nnot shown, numbers missing: {', '.join(left_out)}" if left_out else ""))
        bold = [table.short_names[row.label] for row in table.rows if row.cells[column.key].best]
        labels.place(axis, [(point.cost, point.quality, point.name) for point in shown], bold)


def figure(key: str, short: str, long: str, caption: str) -> ComparisonFigure:
    """The figure of one cost."""
    return ComparisonFigure(
        f"{{task}}-{{dataset}}-{key}.svg",
        partial(has_points, key),
        partial(trade_off, key, short, long),
        caption,
        section="cost",
        title=f"Quality against {key} of {{task}} on {{dataset}}",
        stretched=True,
    )


BARS = (
    "Bars: 95 % confidence intervals over seeds. Open points have one seed; a dotted bar is the interval of the test "
    "set alone. Bold: the group of the best, which no test tells apart from the best mean."
)
FIGURES = (
    figure("parameters", "parameters", "parameters", f"Quality against size. {BARS}"),
    figure("macs", "MACs", "multiply-accumulates per image", f"Quality against arithmetic. {BARS}"),
    figure(
        "sample_macs",
        "cost of a sample",
        "multiply-accumulates per sample, all steps",
        f"Quality against the arithmetic of one sample, all steps together. {BARS}",
    ),
    figure("seconds", "training time", "training time in seconds", f"Quality against training time. {BARS}"),
)
