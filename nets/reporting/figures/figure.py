"""What a figure is: a file, the condition under which it is drawn, the function that draws it, and its caption.

The file that draws a figure also holds its entry. `of_runs` and `of_comparisons` list all entries; `draw`, `compare`
and the page use these lists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from nets.errors import UserError
from nets.files import naming
from nets.reporting.comparisons import Comparison
from nets.reporting.results import Result

TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".gif": "image/gif"}
SECTIONS = ("learning", "stability", "cost")  # sections of the page for figures of comparisons

Subject = TypeVar("Subject")  # what a figure shows: a Result or a Comparison


@dataclass(frozen=True)
class Figure(Generic[Subject]):
    """A figure. Raises UserError if its file has no known type or its caption is empty."""

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
        """Draw the figure if there is something to draw, else remove an old one. Returns whether it is drawn."""
        path.unlink(missing_ok=True)
        drawn = self.when(subject)
        if drawn:
            with naming(path):
                self.draw(subject, path)
        return drawn


@dataclass(frozen=True)
class RunFigure(Figure[Result]):
    """A figure of a Result. `{inputs}` in its caption stands for what snapshots show: images or latents."""

    of_samples: bool = False  # also shown for a result of which only the samples count


@dataclass(frozen=True)
class ComparisonFigure(Figure[Comparison]):
    """A figure of a Comparison. `{task}` and `{dataset}` in its file and title stand for the comparison's."""

    section: str  # one of SECTIONS
    title: str  # alternative text for readers who can't see it
    stretched: bool = False  # percentages use the scale of `style.stretch`, and the page says so

    def __post_init__(self) -> None:
        """Check what the page needs."""
        super().__post_init__()
        if self.section not in SECTIONS:
            raise UserError(f"The figure {self.file} must be in one of {', '.join(SECTIONS)}; correct its section.")


def has(array: str) -> Callable[[Result], bool]:
    """A condition for `when`: the result has this array, and the array is not empty."""
    return lambda result: len(result.arrays.get(array, ())) > 0
