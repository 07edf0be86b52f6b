"""What a metric is. The other modules here hold tables of metrics, under the names that `metrics.json` uses.

To add a metric, add an entry to a table: evaluation computes whole tables, and reports take labels and explanations
from them. This module and the tables import torch and NumPy only when a metric is computed, so that the report can
read them without.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

QUALIFIERS = {"_best": "best epoch", "_indomain": "in-domain", "_inception": "Inception"}  # by suffix of the name


@dataclass(frozen=True)
class Metric:
    """A metric: how it is computed, shown and explained. Every field is required."""

    label: str
    unit: str
    decimals: int | None  # None: four significant digits
    direction: str  # "higher" or "lower" is better, or "none"
    text: str  # what it means, for a student
    function: Callable[..., Any] | None  # from its table's inputs to its value; None: computed elsewhere


class Accuracy(Metric):
    """A metric that is the percentage of images answered right, so that even a single run has an interval."""


class Table(dict[str, Metric]):
    """Metrics with the same inputs, by name, in the order in which they are computed."""

    def measure(self, *inputs: Any) -> dict[str, Any]:
        """The value of each metric, by name. A metric whose function returns None does not apply and is left out."""
        values = {name: metric.function(*inputs) for name, metric in self.items() if metric.function}
        return {name: value for name, value in values.items() if value is not None}


@cache
def tables() -> list[Table]:
    """The tables of all modules in this folder."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"nets.metrics.{name}") for name in names]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Table)]


def all_metrics() -> dict[str, Metric]:
    """Every metric by its name without qualifiers."""
    return {name: metric for table in tables() for name, metric in table.items()}


def parts(name: str) -> tuple[str, list[str]]:
    """A metric's base name and its qualifiers: `fid_indomain` is `fid`, in-domain."""
    qualifiers: list[str] = []
    for suffix, words in QUALIFIERS.items():
        if name.endswith(suffix) and name != suffix:
            name, qualifiers = name.removesuffix(suffix), [*qualifiers, words]
    return name, qualifiers
