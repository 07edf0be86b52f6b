"""The quantities of lessons, read from the results of a row: one number for each seed, or why there is none."""

import json
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nets.reporting.results import Result
from nets.reporting.statistics import Summary, summarise
from nets.reporting.tables import stability
from nets.suite.lessons import Quantity

LEARNED_NOTHING = "diverged"  # the status of a run that diverged or ended as good as chance


def read(results: Iterable[Result], quantity: Quantity) -> Summary:
    """A quantity of one row over its seeds."""
    values, holes = {}, {}
    for result in results:
        seed = result.run.seed
        values[seed] = value_of(result, quantity)
        if values[seed] is None:
            holes[seed] = "not measured" if result.ok else result.status.replace("_", " ")
    return summarise(values, holes)


def value_of(result: Result, quantity: Quantity) -> float | None:
    """A quantity of one run. None if it was not measured, or is not finite."""
    if result.status == LEARNED_NOTHING and quantity.diverged is not None:
        return quantity.diverged
    if quantity.cost:
        return cost(result, quantity.cost)
    if quantity.history:
        return taken(result, quantity.history, quantity)
    chosen = (n.value for n in result.numbers if (n.metric, n.split) == (quantity.metric, quantity.split))
    return next(chosen, None)


def cost(result: Result, name: str) -> float | None:
    """A number of a run's networks, from its manifest or the list of its weights."""
    if name == "linear_share":
        return linear_share(result.folder / "model.safetensors")
    numbers = result.manifest.get(name)
    return float(sum(numbers.values())) if numbers else None


def taken(result: Result, column: str, quantity: Quantity) -> float | None:
    """One number of a column of the history."""
    if quantity.take == "spread":
        return stability.spread(result, column)
    values = np.asarray(result.history.get(column, ()))
    numbers = values[np.isfinite(values)]
    if not len(numbers):
        return None
    if quantity.take == "epochs_to":
        reached = np.flatnonzero(values >= quantity.level)
        return float(result.history["epoch"][reached[0]] if len(reached) else result.history["epoch"][-1] + 1)
    return float({"last": numbers[-1], "lowest": numbers.min(), "highest": numbers.max()}[quantity.take])


def linear_share(path: Path) -> float | None:
    """The share, in percent, of a network's weights and biases that belong to linear layers.

    Only the file's list of shapes is read: a weight of a linear layer is a matrix. None without a file.
    """
    if not path.exists() or path.stat().st_size < 8:
        return None
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
    entries.pop("__metadata__", None)
    shapes = {name: entry["shape"] for name, entry in entries.items()}
    linear = {name.rpartition(".")[0] for name, shape in shapes.items() if len(shape) == 2}
    learned = {name: np.prod(shape) for name, shape in shapes.items() if name.rpartition(".")[2] in ("weight", "bias")}
    return float(
        100 * sum(n for name, n in learned.items() if name.rpartition(".")[0] in linear) / sum(learned.values())
    )
