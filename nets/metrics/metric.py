"""What a metric is. The other modules here hold tables of metrics, under the names that `metrics.json` uses.

To add a metric, add an entry to a table: evaluation computes whole tables, and reports take labels and explanations
from them. This module and the tables import torch and NumPy only when a metric is computed, so that the report can
read them without.
"""

import importlib
import math
import pkgutil
import traceback
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nets.errors import first_line, is_out_of_memory

ANY = (-math.inf, math.inf)  # the range of a metric that may have any value
CHOSEN, LEAKED = "_best", "_leaked"  # end the names of metrics of weights that validation, or test, images have chosen
QUALIFIERS = {  # by suffix of the name
    CHOSEN: "chosen on validation",
    LEAKED: "best on test (leaks)",
    "_indomain": "in-domain",
    "_inception": "Inception",
}


@dataclass(frozen=True)
class Tolerance:
    """How far two values of a metric may be apart and still count as the same result."""

    evaluated: float  # where the same weights are measured again, on another processor or with other packages
    trained: float  # where the same description is trained again there
    relative: bool  # whether both are shares of the larger value; else they are in the metric's unit
    reason: str  # why not less, for the two in turn

    def allows(self, first: float, second: float, trained: bool) -> bool:
        """Whether two values agree; `trained`: they are of two trainings, not of the same weights."""
        limit = self.trained if trained else self.evaluated
        scale = max(abs(first), abs(second)) if self.relative else 1.0
        return abs(first - second) <= limit * scale * (1 + 1e-9)  # 94.9 and 93.9 differ by 1 in binary too


# Trained again elsewhere, a run ends at other weights, as with another seed: the second limits are those of two seeds.
POINTS = Tolerance(
    *(0.1, 1.0, False),
    "Rounding decides one image in a thousand, on the border of two classes. Two seeds of LeNet-5 on 1,000 images "
    "differ by up to 1.1 points (95 %).",
)
SHARES = Tolerance(
    *(0.002, 0.05, False),
    "Rounding decides a few neighbours at equal distances. Two draws of 1,000 samples differ by up to 0.044 (95 %).",
)
AMOUNTS = Tolerance(
    *(1e-4, 0.05, True),
    "Sums in float32 keep four digits in any order. The MSE of two seeds of a dense autoencoder differs by 3 %.",
)
STEEP = Tolerance(
    *(1e-3, 0.2, True),
    "Covariances and confident mistakes amplify rounding. The NLL of two seeds of LeNet-5 differs by up to 19 % "
    "(95 %).",
)
COUNTS = Tolerance(*(0, 1, False), "A number of the code may be on either side of the threshold.")


@dataclass(frozen=True)
class Metric:
    """A metric: how it is computed, shown and explained. Every field without a default is required."""

    label: str
    unit: str
    decimals: int | None  # None: four significant digits
    direction: str  # "higher" or "lower" is better, or "none"
    text: str  # what it means, for a student
    function: Callable[..., Any] | None  # from its table's inputs to its value; None: computed elsewhere
    needs: Callable[..., str | None] | None = None  # from the same inputs to why they don't suffice; None: they do
    range: tuple[float, float] | None = None  # of its values; None: 0 to 100 for percentages, otherwise 0 to infinity
    tolerance: Tolerance | None = None  # None: POINTS for percentages, else AMOUNTS

    @property
    def limits(self) -> tuple[float, float]:
        """Between which numbers its values are, so that no interval goes beyond."""
        return self.range or (0, 100 if self.unit == "%" else math.inf)

    @property
    def allowed(self) -> Tolerance:
        """How far two measurements may be apart: its tolerance, or the one of its unit."""
        return self.tolerance or (POINTS if self.unit == "%" else AMOUNTS)

    def measure(self, *inputs: Any) -> Any:
        """Its value; Unmeasured where the inputs don't suffice or its function fails, None where it does not apply.

        An error is printed with its stack trace. Raises it if memory ran out or the device broke.
        """
        if self.function is None:
            return None
        if self.needs and (reason := self.needs(*inputs)):
            return Unmeasured(reason)
        try:
            return self.function(*inputs)
        except Exception as error:
            if fatal(error):
                raise
            traceback.print_exc()
            return Unmeasured(f"Its computation failed ({type(error).__name__}: {first_line(error)}).")


@dataclass(frozen=True)
class Unmeasured:
    """In place of a value that can't be had."""

    reason: str  # one sentence


def fatal(error: Exception) -> bool:
    """Whether an error is of the machine, so that nothing else can be computed either."""
    return is_out_of_memory(error) or isinstance(error, OSError) or type(error).__name__ == "AcceleratorError"


def finished(values: dict[str, Any], function: Callable[[Any], float]) -> dict[str, Any]:
    """The function of each value; Unmeasured stays."""
    return {name: v if isinstance(v, Unmeasured) else function(v) for name, v in values.items()}


def at_least(count: int) -> Callable[..., str | None]:
    """For `needs`: a metric of sets of images (as features, logits and the like) needs so many of each."""

    def missing(*sets: Sized) -> str | None:
        fewest = min(map(len, sets))
        return f"It needs at least {count} images, and there are {fewest}." if fewest < count else None

    return missing


class Accuracy(Metric):
    """A metric that is the percentage of images answered right, so that even a single run has an interval."""


class Table(dict[str, Metric]):
    """Metrics with the same inputs, by name, in the order in which they are computed."""

    def measure(self, *inputs: Any) -> dict[str, Any]:
        """The value of each metric, by name, or Unmeasured. A metric that is None does not apply and is left out."""
        values = {name: metric.measure(*inputs) for name, metric in self.items()}
        return {name: value for name, value in values.items() if value is not None}


class ByClass(Table):
    """Metrics with a number for each class (K,), NaN for a class that does not occur."""


@cache
def tables() -> list[Table]:
    """The tables of all modules in this folder."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"nets.metrics.{name}") for name in names]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Table)]


def metrics_of(names: Iterable[str]) -> set[str]:
    """The names of the metrics in modules of this folder, such as "classification", and of single metrics.

    Metrics by class are left out.
    """
    known = all_metrics()
    modules = [importlib.import_module(f"nets.metrics.{name}") for name in names if name not in known]
    values = [value for module in modules for value in vars(module).values()]
    whole = [value for value in values if isinstance(value, Table) and not isinstance(value, ByClass)]
    return {name for table in whole for name in table} | {name for name in names if name in known}


def all_metrics() -> dict[str, Metric]:
    """Every metric by its name without qualifiers."""
    return {name: metric for table in tables() for name, metric in table.items()}


def stem(name: str) -> str:
    """A metric's name, whichever weights it was measured with: `top1` for `top1_best` and `top1_leaked`."""
    return name.removesuffix(CHOSEN).removesuffix(LEAKED)


def parts(name: str) -> tuple[str, list[str]]:
    """A metric's base name and its qualifiers: `fid_indomain` is `fid`, in-domain."""
    qualifiers: list[str] = []
    for suffix, words in QUALIFIERS.items():
        if name.endswith(suffix) and name != suffix:
            name, qualifiers = name.removesuffix(suffix), [*qualifiers, words]
    return name, qualifiers
