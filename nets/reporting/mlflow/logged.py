"""What MLflow shows: a run for each row of the table, and inside it one for each of its seeds."""

import datetime
import hashlib
import json
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

from nets.reporting.results import Result

LONGEST = 6000  # MLflow's limit on the characters of a parameter
OURS, DIGEST = "nets.run", "nets.digest"  # tags of our runs: the name, and the content's digest
FILES = ("config.json", "manifest.json", "metrics.json", "history.csv")


class Point(NamedTuple):
    """A value of a metric; the time is in milliseconds since 1970."""

    name: str
    value: float
    time: int
    step: int


class Dataset(NamedTuple):
    """The training images of a run; `schema` and `profile` are JSON."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str


class Entry(NamedTuple):
    """A run of MLflow, complete."""

    name: str
    tags: dict[str, str]
    params: dict[str, str]
    points: list[Point]
    times: tuple[int, int]  # start and end in milliseconds since 1970
    ok: bool
    dataset: Dataset | None = None
    result: Result | None = None  # whose files it has; None: it stands for a row


def rows(results: list[Result]) -> dict[str, list[Result]]:
    """The runs of each row, by the row's name: that of a run without the seed."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.name.removesuffix(f"-s{result.run.seed}"), []).append(result)
    return found


def row_entry(results: list[Result]) -> Entry:
    """The run for a row: what its seeds share, and the means of their final numbers, if no seed is missing."""
    entries = [run_entry(result) for result in results]
    (name,), whole = rows(results), all(entry.ok for entry in entries)
    finals = [final(result) for result in results]
    means = {key: sum(each[key] for each in finals) / len(finals) for key in finals[0] if all(key in f for f in finals)}
    times = min(entry.times[0] for entry in entries), max(entry.times[1] for entry in entries)
    digest = digest_of_row([entry.tags[DIGEST] for entry in entries])
    shared = {k: v for k, v in entries[0].params.items() if all(entry.params.get(k) == v for entry in entries)}
    common = ("task", "dataset", "model", "variant", "purpose")
    tags = {key: entries[0].tags[key] for key in common} | {OURS: name, DIGEST: digest}
    tags["mlflow.note.content"] = f"Means of {len(results)} seeds, which are the runs inside."
    return Entry(name, tags, shared, [Point(k, v, times[1], 0) for k, v in means.items()] * whole, times, whole)


def run_entry(result: Result) -> Entry:
    """The run for a seed of a row; a hole, a run without a result, is marked as failed and has a note."""
    values = {key: str(getattr(result.run, key)) for key in ("task", "dataset", "model", "variant", "seed", "purpose")}
    values |= {OURS: result.name, DIGEST: digest_of(result), "status": result.status, "mlflow.source.name": "nets"}
    if revision := result.manifest.get("revision"):
        values |= {"revision": revision, "mlflow.source.git.commit": revision}
    if not result.ok:
        values["mlflow.note.content"] = f"{result.reason} Try again: `{result.retry}`"
    params = {key: str(value)[:LONGEST] for key, value in flatten(result.description)}
    return Entry(result.name, values, params, points(result), times(result), result.ok, dataset(result), result)


def dataset(result: Result) -> Dataset | None:
    """The images that the run learned from; None for a hole that has read none."""
    if not (data := result.manifest.get("data")) or not data.get("sha256"):
        return None
    shape = [-1, *result.run.shape]
    schema = {"mlflow_tensorspec": {"features": json.dumps(tensor("uint8", shape)), "targets": None}}
    profile = {"num_rows": data.get("images"), "features_shape": json.dumps([data.get("images"), *shape[1:]])}
    source = {"uri": f"results/data/{result.run.dataset}"}
    words = json.dumps(source), json.dumps(schema), json.dumps(profile)
    return Dataset(result.run.dataset, data["sha256"][:8], "local", *words)


def tensor(kind: str, shape: list[int]) -> list[dict[str, Any]]:
    """MLflow's description of an array; -1 is any number."""
    return [{"type": "tensor", "tensor-spec": {"dtype": kind, "shape": shape}}]


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


def points(result: Result) -> list[Point]:
    """Curves with their epochs as steps, then the final numbers and what the run cost."""
    started, ended = times(result)
    epochs = [int(epoch) for epoch in result.history.get("epoch", ())]
    clock = result.history.get("seconds", [0.0] * len(epochs))
    curves = [name for name in result.history if "/" in name]
    drawn = [
        Point(name, value, started + int(1000 * second), epoch)
        for name in curves
        for value, second, epoch in zip(result.history[name], clock, epochs, strict=True)
        if not isnan(value)
    ]
    # A final number ends its curve, if it has one. Others are at step 0, where MLflow draws bars that compare runs.
    steps = {name: epochs[-1] for name in curves if epochs}
    return drawn + [Point(name, value, ended, steps.get(name, 0)) for name, value in final(result).items()]


def final(result: Result) -> dict[str, float]:
    """The final numbers of a run, and what it cost."""
    values: dict[str, float | None] = {f"{n.split}/{n.metric}": n.value for n in result.numbers if n.value is not None}
    for name in ("seconds", "images_per_second", "peak_memory_mb"):
        values[f"cost/{name}"] = result.manifest.get(name)
    for name in ("parameters", "macs"):
        values |= {f"cost/{name}_{network}": size for network, size in (result.manifest.get(name) or {}).items()}
    return {name: float(value) for name, value in values.items() if value is not None}


def digest_of(result: Result) -> str:
    """SHA-256 of all files of a run that are logged to MLflow; the manifest has that of the weights."""
    content = hashlib.sha256()
    for path in [result.folder / name for name in FILES] + figures(result):
        if path.exists():
            content.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return content.hexdigest()


def digest_of_row(digests: list[str]) -> str:
    """SHA-256 of the digests of a row's runs."""
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def figures(result: Result) -> list[Path]:
    """The run's figures, sorted."""
    return sorted((result.folder / "figures").glob("*.*"))
