"""What MLflow shows of a run: its tags, parameters and metrics."""

import datetime
from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING, Any

from nets.reporting.results import Result

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

LONGEST = 6000  # MLflow's limit on the characters of a parameter


def tags(result: Result) -> dict[str, str]:
    """Tags for searching runs. A hole, a run without a result, also has a note with its reason."""
    values = {key: getattr(result.run, key) for key in ("task", "dataset", "model", "variant", "seed", "purpose")}
    values |= {"status": result.status, "mlflow.source.name": "nets"}
    if revision := result.manifest.get("revision"):
        values |= {"revision": revision, "mlflow.source.git.commit": revision}
    if not result.ok:
        values["mlflow.note.content"] = f"{result.reason} Try again: `{result.retry}`"
    return {key: str(value) for key, value in values.items()}


def params(result: Result) -> list["Param"]:
    """The whole description of the run."""
    from mlflow.entities import Param

    return [Param(key, str(value)[:LONGEST]) for key, value in flatten(result.description)]


def times(result: Result) -> tuple[int, int]:
    """Start and end in milliseconds since 1970."""
    started = result.manifest.get("started")
    first = datetime.datetime.fromisoformat(started).timestamp() if started else 0.0
    return int(1000 * first), int(1000 * (first + (result.manifest.get("seconds") or 0)))


def flatten(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as `recipe.optimizer.lr`."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def metrics(result: Result) -> list["Metric"]:
    """Curves with their epochs as steps, then the final numbers and what the run cost."""
    from mlflow.entities import Metric

    started, ended = times(result)
    epochs = [int(epoch) for epoch in result.history.get("epoch", ())]
    clock = result.history.get("seconds", [0.0] * len(epochs))
    curves = [name for name in result.history if "/" in name]
    points = [
        Metric(name, value, started + int(1000 * second), epoch)
        for name in curves
        for value, second, epoch in zip(result.history[name], clock, epochs, strict=True)
        if not isnan(value)
    ]
    final: dict[str, float | None] = {f"{n.split}/{n.metric}": n.value for n in result.numbers if n.value is not None}
    for name in ("seconds", "images_per_second", "peak_memory_mb"):
        final[f"cost/{name}"] = result.manifest.get(name)
    for name in ("parameters", "macs"):
        final |= {f"cost/{name}_{network}": size for network, size in (result.manifest.get(name) or {}).items()}
    # A final number ends its curve, if it has one. Others are at step 0, where MLflow draws bars that compare runs.
    steps = {name: epochs[-1] for name in curves if epochs}
    return points + [
        Metric(name, float(value), ended, steps.get(name, 0)) for name, value in final.items() if value is not None
    ]
