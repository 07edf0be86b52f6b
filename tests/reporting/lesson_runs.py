"""Invented runs of lessons: folders as the pipeline writes them, in which each quantity has a chosen value."""

import csv
import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from nets.run import Run
from nets.suite.lessons import Lesson, Quantity

WAYS = {"epochs_to": 30}  # epochs of a history in which a level may be reached


def write_row(folder: Path, runs: Iterable[Run], values: Mapping[Quantity, list[float]], status: str = "ok") -> None:
    """Write the runs of a row; `values` has each quantity's number for each seed in turn."""
    for place, run in enumerate(runs):
        write_run(folder / "runs" / run.name, run, {key: each[place] for key, each in values.items()}, status)


def write_run(folder: Path, run: Run, values: Mapping[Quantity, float], status: str = "ok") -> None:
    """Write one run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(run.to_json())
    costs = {q.cost: int(v) for q, v in values.items() if q.cost in ("parameters", "macs")}
    manifest = {"run": run.name, "status": status, "reason": None if status == "ok" else "invented", "retry": None}
    manifest |= {name: {"network": costs.get(name, 1000)} for name in ("parameters", "macs")}
    manifest |= {
        "seed": run.seed, "revision": "4f2c9d1e8ab0", "packages": {"torch": "2.14.1"}, "device": "cpu", "threads": 1,
        "hardware": {"cpu": "Invented CPU @ 2.1 GHz", "cores": 2, "gpu": None}, "precision": "float32",
        "started": "2026-01-31T12:00:00+00:00", "seconds": 1.0, "images_per_second": 1000.0, "peak_memory_mb": 400.0,
        "epochs": 30, "steps": 300, "resumed": 0, "weights": {},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    numbers = [
        {"split": q.split, "metric": q.metric, "value": v, "direction": "none", "passport": None}
        for q, v in values.items()
        if q.metric
    ]
    end = {"run": run.name, "status": status, "reason": manifest["reason"], "retry": None, "headline": None}
    (folder / "metrics.json").write_text(json.dumps(end | {"metrics": numbers, "classes": {}}))
    for q, v in values.items():
        if q.cost == "linear_share":
            write_weights(folder / "model.safetensors", v)
    write_history(folder / "history.csv", {q: v for q, v in values.items() if q.history})
    for name in ("arrays.npz", "snapshots.npz"):
        (folder / name).touch()


def write_history(path: Path, values: Mapping[Quantity, float]) -> None:
    """A history in which what a quantity takes is its value."""
    rows: list[dict[str, float]] = [{"epoch": epoch} for epoch in range(1, 31)]
    for quantity, value in values.items():
        assert quantity.history
        for row in rows:
            row[quantity.history] = value
            if quantity.take == "epochs_to":
                row[quantity.history] = quantity.level + (1 if row["epoch"] >= value else -1)
            if quantity.take == "spread":  # of a constant, whose steps scatter by it
                row[quantity.history] = 1
                row[f"{quantity.history}_std"] = value
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_weights(path: Path, share: float) -> None:
    """A file of weights of which so many percent belong to a linear layer."""
    linear = max(1, round(10 * share))
    shapes = {"fc.weight": [linear, 1], "conv.weight": [max(0, 1000 - linear), 1, 1, 1]}
    entries = {n: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for n, shape in shapes.items()}
    header = json.dumps({"__metadata__": {"format": "pt"}} | entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def fulfilled(lesson: Lesson) -> dict[tuple[str, str], float]:
    """A number for each row and quantity with which every claim is true by a wide margin."""
    found = {(row, key): 10.0 for row in lesson.rows for key in lesson.quantities}
    for _ in range(20):
        for claim in lesson.claims:
            place = (claim.row, claim.quantity)
            other = found[claim.than, claim.than_quantity] if isinstance(claim.than, str) else claim.than
            if claim.relation == "equal":
                found[place] = other
            elif claim.relation in ("higher", "lower"):
                sign = 1 if claim.relation == "higher" else -1
                wanted = other + sign * (2 * claim.by + 1)
                if claim.factor is not None:
                    wanted = other * (2 * claim.factor) ** sign
                if sign * (found[place] - wanted) < 0:
                    found[place] = wanted
    return found
