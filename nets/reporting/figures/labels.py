"""Labels beside the points of a scatter plot, placed so that they hide each other and the points least."""

from collections.abc import Collection
from math import cos, pi, sin

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from nets.reporting.figures.style import MUTED

SIZE = 7.5
POINT = 5  # half the side of the square that a point takes, in pixels
# Directions around a point, the preferred ones first.
AROUND = [2 * pi * step / 16 for step in (0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 13, 5, 11)]
NEAR, FAR = (7,), (18, 32, 46, 62, 80, 100)  # distances in pixels; a far label gets a line to its point


def place(axis: Axes, points: list[tuple[float, float, str]], bold: Collection[str] = ()) -> None:
    """Label points (x, y, words), each at the first free place, or else at the one that hides least.

    Words in `bold` are bold.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    frame = axis.get_window_extent()
    centres = [axis.transData.transform((x, y)) for x, y, _ in points]
    taken = np.empty((2 * len(points), 4))  # the points, then their labels
    taken[: len(points)] = [box(x, y, 2 * POINT, 2 * POINT).extents for x, y in centres]
    for count, ((x, y, words), (left, top)) in enumerate(zip(points, centres, strict=True), len(points)):
        weight = "bold" if words in bold else "normal"
        note = axis.annotate(
            words, (x, y), fontsize=SIZE, fontweight=weight, ha="center", va="center", annotation_clip=False
        )
        size = note.get_window_extent(renderer).padded(2)
        note.remove()
        places = [spot(left, top, distance, angle, size) for distance in NEAR + FAR for angle in AROUND]
        extents = np.array([each.extents for each in places])
        best = int(np.argmin(covered(extents, taken[:count]) + [outside(each, frame) for each in places]))
        taken[count] = extents[best]
        line = {"arrowstyle": "-", "linewidth": 0.6, "color": MUTED, "shrinkA": 0, "shrinkB": 3}
        scale = 72 / figure.dpi
        middle = ((places[best].x0 + places[best].x1) / 2 - left, (places[best].y0 + places[best].y1) / 2 - top)
        note = axis.annotate(
            words, (x, y), (middle[0] * scale, middle[1] * scale), textcoords="offset points", ha="center",
            va="center", fontsize=SIZE, fontweight=weight, arrowprops=line if best >= len(AROUND) else None,
            annotation_clip=False,
        )  # fmt: skip
        note.set_in_layout(False)


def spot(x: float, y: float, distance: float, angle: float, size: Bbox) -> Bbox:
    """The box of a label that lies at a distance and an angle from a point."""
    right, up = cos(angle), sin(angle)
    return box(x + right * (distance + size.width / 2), y + up * (distance + size.height / 2), size.width, size.height)


def box(x: float, y: float, width: float, height: float) -> Bbox:
    """A box from its centre and size."""
    return Bbox.from_extents(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def covered(places: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The area (M,) of each place (M, 4) that is taken, added up over the boxes (N, 4); rows are x0, y0, x1, y1."""
    ends = np.minimum(places[:, None, 2:], taken[:, 2:])
    sides = np.maximum(ends - np.maximum(places[:, None, :2], taken[:, :2]), 0)
    return np.cumsum(sides.prod(axis=2), axis=1)[:, -1]  # a sum in the order of `taken`


def overlap(first: Bbox, second: Bbox) -> float:
    """The area that two boxes share."""
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    return width * height if width > 0 and height > 0 else 0.0


def outside(inner: Bbox, frame: Bbox) -> float:
    """The area of a box that is not inside a frame."""
    return inner.width * inner.height - overlap(inner, frame)
