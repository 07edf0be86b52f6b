"""One style for all plots: safe for colour-blind readers, and light or dark like the reader's screen."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from nets.reporting import glossary

INK, MUTED, RULE, SURFACE = "#1f2430", "#5b6472", "#dfe3e8", "#ffffff"
# Okabe and Ito's colours, two of them darker so that thin lines show on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c98500", "#3a9bd9")
DARK = {INK: "#e8ebf0", MUTED: "#a4aebc", RULE: "#343b48", SURFACE: "#171b22"} | dict(
    zip(COLOURS, ("#4ba3e3", "#f08a3c", "#2fc39a", "#df9cc0", "#e3ac2f", "#a3d6f7"), strict=True)
)
DASHES = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)), (0, (9, 2)))
ROUND = (100, 90, 98, 80, 50, 95, 99, 70, 60, 96, 97, 20, 0, 94, 92, 85, 75, 65, 55, 45, 40, 35, 30, 25, 15, 10)
WRITTEN_OUT = 20  # names and counts are written for up to this many classes
PNG = ContextVar("PNG", default=False)
FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
STYLE = {
    "figure.facecolor": SURFACE, "axes.facecolor": SURFACE, "savefig.facecolor": SURFACE,
    "axes.edgecolor": RULE, "axes.labelcolor": MUTED, "axes.titlecolor": INK, "text.color": INK,
    "xtick.color": MUTED, "ytick.color": MUTED, "grid.color": RULE, "axes.grid": True, "axes.axisbelow": True,
    "grid.linewidth": 0.6, "axes.linewidth": 0.8, "lines.linewidth": 1.6, "lines.solid_capstyle": "round",
    "axes.spines.top": False, "axes.spines.right": False, "xtick.major.size": 0, "ytick.major.size": 0,
    "xtick.minor.size": 0, "ytick.minor.size": 0, "font.size": 8.5, "axes.titlesize": 9.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.labelsize": 8.5, "legend.frameon": False, "legend.fontsize": 8,
    "font.family": "DejaVu Sans", "svg.fonttype": "none", "svg.hashsalt": "nets", "path.simplify": True,
    "text.parse_math": False,  # a class may be called US$1_2_3$
}  # fmt: skip


def look(index: int) -> dict[str, Any]:
    """Colour and dashes of a plot's line, by its index."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index // len(COLOURS) % len(DASHES)]}


@contextmanager
def with_png() -> Iterator[None]:
    """In this block, `drawing` also writes a PNG beside each SVG, for programs that take no SVG."""
    reset = PNG.set(True)
    try:
        yield
    finally:
        PNG.reset(reset)


@contextmanager
def drawing(path: Path, width: float, height: float, rows: int = 1, columns: int = 1) -> Iterator[list[Axes]]:
    """Axes in the project's style, written as SVG when the block ends. Sizes are in inches."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a matplotlibrc says
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        yield list(figure.subplots(rows, columns, squeeze=False).flat)
        path.parent.mkdir(parents=True, exist_ok=True)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(path, format="svg", metadata=nothing, dpi=144)
        if PNG.get():
            figure.savefig(path.with_suffix(".png"), format="png", metadata={"Software": None}, dpi=200)
    path.write_text(themed(path.read_text(encoding="utf-8")), encoding="utf-8")


def stretch(axis: Axes) -> None:
    """Scale a percentage axis so that 98 and 99 are as far apart as 70 and 80, because good models differ there."""
    scale = (lambda v: -np.log(101 - np.minimum(v, 100.9)), lambda v: 101 - np.exp(-v))
    low, high = axis.get_ylim()
    high = min(high, 100)
    axis.set_yscale("function", functions=scale)
    axis.set_ylim(low, high)
    chosen: list[float] = []
    for tick in ROUND:
        apart = [abs(scale[0](tick) - scale[0](other)) for other in chosen]
        if low <= tick <= high and all(gap > 0.1 * (scale[0](high) - scale[0](low)) for gap in apart):
            chosen.append(tick)
    if len(chosen) > 2:
        axis.set_yticks(sorted(chosen), [str(tick) for tick in sorted(chosen)])
    else:
        axis.yaxis.set_major_locator(MaxNLocator(5))


def log_y(axis: Axes) -> None:
    """Make the y axis logarithmic, with plain numbers."""
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 150 * low else (1,)))
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_minor_locator(NullLocator())


def whole_x(axis: Axes) -> None:
    """Put ticks of the x axis at whole numbers only."""
    axis.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]  # missing in the stub


def count_ticks(axis: Axes) -> None:
    """Make the x axis logarithmic over at least a factor of 2, with as many ticks such as 20 k and 1 M as fit."""
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    if high < 2 * low:
        low, high = (np.sqrt(low * high) * factor for factor in (0.7, 1.4))
        axis.set_xlim(low, high)
    decades = np.log10(high / low)
    steps = (1,) if decades > 2.5 else (1, 3) if decades > 1.5 else (1, 2, 5)
    axis.xaxis.set_major_locator(LogLocator(subs=steps) if decades > 0.8 else MaxNLocator(5))
    axis.xaxis.set_major_formatter(lambda value, _: glossary.count(value) if value >= 10 else f"{value:g}")
    axis.xaxis.set_minor_locator(NullLocator())


def themed(svg: str) -> str:
    """The SVG in the reader's font, with dark colours for dark screens, and without metadata."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", FONTS)
    svg = re.sub(r">\s+<", "><", svg.strip())
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + style, svg, count=1) + "\n"
