"""What MLflow gets of a run: tags, parameters, metrics."""

import datetime
from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING, Any

from nets.reporting.results import Run

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

LONGEST = 6000  # characters of a parameter at most, by MLflow's rule


def tags(run: Run) -> dict[str, str]:
    """By what runs are found; a hole's description says why it is one."""
    found = {key: run.config[key] for key in ("task", "dataset", "model", "variant", "seed", "purpose")}
    found |= {"status": run.status, "mlflow.source.name": "nets"}
    if revision := run.manifest.get("revision"):
        found |= {"revision": revision, "mlflow.source.git.commit": revision}
    if not run.ok:
        found["mlflow.note.content"] = f"{run.reason} Try again: `{run.retry}`"
    return {key: str(value) for key, value in found.items()}


def params(run: Run) -> list["Param"]:
    """The whole description of the run."""
    from mlflow.entities import Param

    return [Param(key, str(value)[:LONGEST]) for key, value in flatten(run.config)]


def times(run: Run) -> tuple[int, int]:
    """Start and end in milliseconds since 1970."""
    started = run.manifest.get("started")
    first = datetime.datetime.fromisoformat(started).timestamp() if started else 0.0
    return int(1000 * first), int(1000 * (first + (run.manifest.get("seconds") or 0)))


def flatten(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as `recipe.optimizer.lr`."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def metrics(run: Run) -> list["Metric"]:
    """Curves with their epochs as steps, then the final numbers and what the run cost."""
    from mlflow.entities import Metric

    started, ended = times(run)
    epochs = [int(epoch) for epoch in run.history.get("epoch", ())]
    clock = run.history.get("seconds", [0.0] * len(epochs))
    curves = [name for name in run.history if "/" in name]
    found = [
        Metric(name, value, started + int(1000 * second), epoch)
        for name in curves
        for value, second, epoch in zip(run.history[name], clock, epochs, strict=True)
        if not isnan(value)
    ]
    final = {f"{e['split']}/{e['metric']}": e["value"] for e in run.numbers if e["value"] is not None}
    for name in ("seconds", "images_per_second", "peak_memory_mb"):
        final[f"cost/{name}"] = run.manifest.get(name)
    for name in ("parameters", "macs"):
        final |= {f"cost/{name}_{network}": n for network, n in (run.manifest.get(name) or {}).items()}
    # At step 0 MLflow draws a number as a bar, and runs beside each other.
    steps = {name: epochs[-1] for name in curves if epochs}
    return found + [
        Metric(name, float(value), ended, steps.get(name, 0)) for name, value in final.items() if value is not None
    ]
