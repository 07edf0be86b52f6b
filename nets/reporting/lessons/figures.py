"""The figures of lessons, one function for each kind that an entry may name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullLocator

from nets.files import naming
from nets.reporting import glossary
from nets.reporting.figures import style
from nets.reporting.lessons import verdicts
from nets.reporting.lessons.outcome import Tested, heading
from nets.reporting.results import Result
from nets.suite.lessons import Figure

BAND = 0.16  # opacity


def draw(each: Tested, folder: Path) -> list[dict[str, Any]]:
    """Draw the figures of a lesson. Returns what the page needs of each: its files, its caption, alternative texts."""
    return [
        entry for place, figure in enumerate(each.lesson.figures, 1) if (entry := drawn(each, figure, place, folder))
    ]


def drawn(each: Tested, figure: Figure, place: int, folder: Path) -> dict[str, Any] | None:
    """One figure; None if no run has anything to show."""
    if figure.kind == "pictures":
        return pictures(each, figure)
    path = folder / f"lesson-{each.lesson.name}-{place}.svg"
    path.unlink(missing_ok=True)
    with naming(path):
        KINDS[figure.kind](each, figure, path)
    if not path.exists():
        return None
    return {"kind": figure.kind, "caption": figure.caption, "files": [{"file": path.name, "alt": alt(each, figure)}]}


def alt(each: Tested, figure: Figure) -> str:
    """What a figure shows, for readers who can't see it: with the means, where it is of a quantity."""
    if figure.kind not in ("points", "lines"):
        return f"{each.lesson.title}. {figure.caption}"
    parts = []
    for key in figure.quantities:
        means = {row: each.summary(row, key).mean for row in figure.rows}
        numbers = ", ".join(f"{row} {'–' if mean is None else f'{mean:.4g}'}" for row, mean in means.items())
        parts.append(f"{heading(each.lesson.quantities[key])}, mean over seeds: {numbers}")
    return f"{each.lesson.title}. {'. '.join(parts)}"


def pictures(each: Tested, figure: Figure) -> dict[str, Any] | None:
    """A figure of a run of each row: of its first seed that has one. Paths are relative to the suite's folder."""
    files = []
    for row in figure.rows:
        for result in each.rows[row]:
            path = result.folder / "figures" / figure.picture
            if path.exists():
                files.append(
                    {"run": result.name, "file": figure.picture, "title": row, "alt": f"{row}: {figure.caption}"}
                )
                break
    return {"kind": "pictures", "caption": figure.caption, "files": files} if files else None


def points(each: Tested, figure: Figure, path: Path) -> None:
    """One line per row, or per quantity of a row: its seeds as points, a bar at their mean."""
    shown = [(row, key) for row in figure.rows for key in figure.quantities][::-1]
    with style.drawing(path, 4.9, 0.34 * len(shown) + 0.85) as (axis,):
        for height, (row, key) in enumerate(shown):
            summary = each.summary(row, key)
            colour = style.COLOURS[(len(shown) - 1 - height) % len(style.COLOURS)]
            values = list(summary.values.values())
            axis.plot(values, [height] * len(values), "o", markersize=5, color=colour, alpha=0.55, markeredgewidth=0)
            if summary.mean is not None:
                axis.plot([summary.mean], [height], "|", markersize=15, markeredgewidth=2, color=colour)
            else:
                axis.text(0.99, height, summary.gaps, transform=axis.get_yaxis_transform(), ha="right", va="center",
                          color=style.MUTED, fontsize=7.5)  # fmt: skip
        axis.set_ylim(-0.6, len(shown) - 0.4)
        axis.set_yticks(range(len(shown)), [name_of(each, figure, row, key) for row, key in shown])
        axis.margins(x=0.08)
        if figure.log:
            axis.set_xscale("log")
            log_ticks(axis.xaxis, *axis.get_xlim())
        else:
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_xlabel(figure.x or heading(each.lesson.quantities[figure.quantities[0]]))
        axis.grid(axis="y", visible=False)


def name_of(each: Tested, figure: Figure, row: str, key: str) -> str:
    """The name of a line of points: its row, its quantity, or both, whichever tells it from the others."""
    label = each.lesson.quantities[key].label
    if len(figure.quantities) == 1:
        return row
    return label if len(figure.rows) == 1 else f"{row}\n{label}"


def lines(each: Tested, figure: Figure, path: Path) -> None:
    """A quantity over a number, such as the size of the code: the seeds as points, a line through their means."""
    quantity = each.lesson.quantities[figure.quantity]
    with style.drawing(path, 4.9, 3.1) as (axis,):
        for index, (name, pairs) in enumerate((figure.lines or {}).items()):
            means = []
            for x, row in pairs:
                summary = each.summary(row, figure.quantity)
                values = list(summary.values.values())
                axis.plot([x] * len(values), values, "o", markersize=3.5, alpha=0.45, markeredgewidth=0,
                          color=style.COLOURS[index % len(style.COLOURS)])  # fmt: skip
                if values:
                    means.append((x, sum(values) / len(values)))
            axis.plot(*zip(*means, strict=True), label=name, **style.look(index))
        scales(axis, figure)
        if figure.log_x:
            ticks = sorted({x for pairs in (figure.lines or {}).values() for x, _ in pairs})
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_xlabel(figure.x)
        axis.set_ylabel(heading(quantity))
        if len(figure.lines or ()) > 1:
            axis.legend()


def curves(each: Tested, figure: Figure, path: Path) -> None:
    """A column of the history over epochs: the mean of the seeds, and a band from the lowest to the highest."""
    shown = {row: series(each.rows[row], partial(history, figure.column)) for row in figure.rows}
    banded(path, figure, {row: band for row, band in shown.items() if band}, "epochs", column_label(figure.column))


def column_label(column: str) -> str:
    """'Top-1 on validation images (%)' for the column `validation/top1`."""
    split, _, name = column.partition("/")
    images = f"on {'training' if split == 'train' else split} images"
    if not glossary.is_metric(column):
        return f"{glossary.loss_label(column)} {images}"
    metric = glossary.describe(name)
    return f"{metric.label} {images}" + (f" ({metric.unit})" if metric.unit else "")


def profile(each: Tested, figure: Figure, path: Path) -> None:
    """Arrays of each run over their places, such as gradients over layers: mean and range of the seeds."""
    shown: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for row in figure.rows:
        for label, name in (figure.arrays or {}).items():
            name_of = label if len(figure.rows) == 1 else row if len(figure.arrays or {}) == 1 else f"{row}, {label}"
            if band := series(each.rows[row], partial(places, figure.at, name)):
                shown[name_of] = band
    banded(path, figure, shown, figure.x, figure.y)


Series = tuple[np.ndarray, np.ndarray]  # places (K,), and values (K,) or, over seeds, (S, K)


def history(column: str, result: Result) -> Series | None:
    """A column of the history over its epochs."""
    values = np.asarray(result.history.get(column, ()), float)
    kept = np.isfinite(values)
    return (np.asarray(result.history["epoch"])[kept], values[kept]) if kept.any() else None


def places(at: str, name: str, result: Result) -> Series | None:
    """An array of a run over its places, or over 1 to K where `at` is empty."""
    arrays = result.arrays
    if name not in arrays or (at and at not in arrays):
        return None
    values = np.asarray(arrays[name], float)
    return arrays[at] if at else np.arange(1, len(values) + 1), values


def series(results: list[Result], read: Callable[[Result], Series | None]) -> Series | None:
    """The values of all seeds at the places of the shortest one; None if no seed has any."""
    found = [each for result in results if (each := read(result))]
    if not found:
        return None
    shortest = min(found, key=lambda each: len(each[0]))[0]
    return shortest, np.array([values[: len(shortest)] for _, values in found])


def banded(path: Path, figure: Figure, shown: dict[str, Series], x: str, y: str) -> None:
    """Lines with bands; nothing if there are none."""
    if not shown:
        return
    words = any(places.dtype.kind in "US" for places, _ in shown.values())
    with style.drawing(path, 4.9, 3.1) as (axis,):
        for index, (name, (at, values)) in enumerate(shown.items()):
            where = np.arange(1, len(at) + 1) if words else at
            axis.plot(where, values.mean(0), label=name, marker="o" if len(where) < 12 else None, markersize=3.5,
                      **style.look(index))  # fmt: skip
            axis.fill_between(where, values.min(0), values.max(0), alpha=BAND, linewidth=0,
                              color=style.COLOURS[index % len(style.COLOURS)])  # fmt: skip
        scales(axis, figure)
        if not figure.log_x and (words or all((places % 1 == 0).all() for places, _ in shown.values())):
            style.whole_x(axis)
        axis.set_xlabel(x)
        axis.set_ylabel(y)
        if len(shown) > 1:
            axis.legend()


def misleading(each: Tested, figure: Figure, path: Path) -> None:
    """How often the worse row wins, over the number of seeds of each row."""
    claims = [claim for claim in each.lesson.claims if claim.relation == "misleading"]
    pairs = {(claim.row, str(claim.than)): claim.quantity for claim in claims}
    with style.drawing(path, 4.9, 3.1) as (axis,):
        for index, ((row, than), quantity) in enumerate(pairs.items()):
            first, second = each.summary(row, quantity), each.summary(than, quantity)
            most = min(first.n, second.n)
            if most < verdicts.LEAST:
                continue
            counts = range(1, most)
            a, b = (np.array(list(one.values.values())) for one in (first, second))
            better, worse = (a, b) if a.mean() >= b.mean() else (b, a)
            shares = [verdicts.wrong(better, worse, count) for count in counts]
            axis.plot(counts, shares, marker="o", markersize=4, label=f"{row} against {than}", **style.look(index))
        axis.axhline(50, color=style.MUTED, linewidth=0.8, linestyle=":")
        axis.annotate("a coin", (0.99, 50), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                      color=style.MUTED, fontsize=7.5)  # fmt: skip
        axis.set_ylim(0, 58)
        style.whole_x(axis)
        axis.set_xlabel("seeds of each network")
        axis.set_ylabel("the worse network wins (%)")
        axis.legend()


def scales(axis: Axes, figure: Figure) -> None:
    """Logarithmic axes where the figure asks for them."""
    if figure.log_x:
        axis.set_xscale("log")
        log_ticks(axis.xaxis, *axis.get_xlim())
    if figure.log:
        axis.set_yscale("log")
        log_ticks(axis.yaxis, *axis.get_ylim())


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Plain numbers along a logarithmic axis, a few of them."""
    decades = np.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 1.2 else (1, 3) if decades < 2.2 else (1,)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


KINDS: dict[str, Callable[[Tested, Figure, Path], None]] = {
    "points": points,
    "lines": lines,
    "curves": curves,
    "profile": profile,
    "misleading": misleading,
}
