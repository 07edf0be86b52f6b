"""What a figure is: one entry that says when it is drawn, by what, and the caption under which the page shows it.

A file of this folder that draws a figure also holds its entry; `of_runs` and `of_comparisons` gather the entries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from nets.errors import UserError
from nets.reporting.results import Result

TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".gif": "image/gif"}

Subject = TypeVar("Subject")  # what a figure shows: a Result or a Comparison


@dataclass(frozen=True)
class Figure(Generic[Subject]):
    """A figure. Raises UserError where its file has no known type, or its caption no words."""

    file: str
    when: Callable[[Subject], bool]  # whether there is something to draw
    draw: Callable[[Subject, Path], None]
    caption: str

    def __post_init__(self) -> None:
        """Check what the page needs."""
        if Path(self.file).suffix not in TYPES:
            raise UserError(f"The figure {self.file} must be one of {', '.join(TYPES)}; rename its file.")
        if not self.caption.strip():
            raise UserError(f"The figure {self.file} has no caption; write what it shows in its entry.")

    def redraw(self, subject: Subject, path: Path) -> bool:
        """Draw it to a path, or remove what is there where there is nothing to draw; returns whether it is drawn."""
        path.unlink(missing_ok=True)
        drawn = self.when(subject)
        if drawn:
            self.draw(subject, path)
        return drawn


@dataclass(frozen=True)
class RunFigure(Figure):
    """A figure of a Result; `{inputs}` in its caption is what the network is shown again and again."""

    of_samples: bool = False  # shown also of a result that counts for its samples alone
    of_best: bool = False  # shown only of the best model of a data set


@dataclass(frozen=True)
class ComparisonFigure(Figure):
    """A figure of a Comparison; `{task}` and `{dataset}` in its file and title are the comparison's."""

    section: str  # of the page: learning, stability or cost
    title: str  # for readers who can't see it
    stretched: bool = False  # percentages of its quality have the scale of `style.stretch`, which the page explains

    def path(self, comparison: Subject, folder: Path) -> Path:
        """Where the figure of a comparison lies in a folder."""
        return folder / self.file.format(task=comparison.task, dataset=comparison.dataset)


def has(array: str) -> Callable[[Result], bool]:
    """Whether a result has an array that is not empty: a condition for `when`."""
    return lambda result: len(result.arrays.get(array, ())) > 0
