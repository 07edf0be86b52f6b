"""The result of a training, and its files: weights, history, snapshots, manifest."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from nets.errors import UserError
from nets.files import atomic, read_verified, sha256, write_json
from nets.training.loop import State
from nets.trust import inside

AGAIN = "delete it and train again"
FILES = {"last": "model.safetensors", "best": "best.safetensors"}


@dataclass(frozen=True)
class Failure:
    """Why a run is a hole, a result without numbers."""

    status: str  # "diverged", "out_of_memory", "timed_out" or "no_data"
    reason: str  # one sentence


@dataclass(frozen=True)
class Weights:
    """Weights of all networks."""

    values: dict[str, Tensor]
    epoch: int  # complete epochs after which they were taken


@dataclass
class Result:
    """The result of a training. Without a failure, `weights` has "last", and "best" if the task chooses them."""

    facts: dict[str, Any] = field(default_factory=dict)  # for the manifest
    state: State = field(default_factory=State)
    weights: dict[str, Weights] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True)
class SavedWeights:
    """An entry of `weights` in `manifest.json`."""

    file: str  # its name in the run's folder
    sha256: str
    epoch: int  # complete epochs after which they were taken


def write_result(
    folder: Path, manifest: dict[str, Any], result: Result, retry: str | None, about: dict[str, Any]
) -> list[Path]:
    """Write all files of a training, the manifest last; returns their paths. A hole has empty weights.

    `manifest` is what was known before; `retry` is the command that tries a hole again; `about` is what files of
    weights say of their networks.
    """
    failure = result.failure
    write_history(folder / "history.csv", result.state.history)
    write_snapshots(folder / "snapshots.npz", result.state.snapshots)
    weights = {"last": Weights({}, 0)} if failure else result.weights
    saved = {label: write_weights(folder / FILES[label], w.values, w.epoch, about) for label, w in weights.items()}
    content = manifest | result.facts | {"weights": {label: vars(file) for label, file in saved.items()}}
    if failure:
        content |= {"status": failure.status, "reason": failure.reason, "retry": retry, "weights": {}}
    write_json(folder / "manifest.json", content)
    names = {file.file for file in saved.values()} | {"history.csv", "snapshots.npz", "manifest.json"}
    return [folder / name for name in sorted(names)]


def write_weights(
    path: Path, weights: dict[str, Tensor], epoch: int = 0, about: dict[str, Any] | None = None
) -> SavedWeights:
    """Write weights as safetensors; weights that layers share are written for each of them.

    `about` is kept in the file, so that `nets.load` needs nothing else: `run`, the description, and `data`, with `mean`
    and `std` of the training images.
    """
    # One key: safetensors writes several in no fixed order, and equal weights are to have equal files.
    metadata = {"nets": json.dumps(about, sort_keys=True)} if about else None
    with atomic(path) as temporary:
        values = {n: v.detach().cpu().clone(memory_format=torch.contiguous_format) for n, v in weights.items()}
        temporary.write_bytes(save(values, metadata))
    return SavedWeights(path.name, sha256(path), epoch)


def described(content: bytes) -> dict[str, Any]:
    """What a file of weights says `about` its networks. Raises KeyError or ValueError if it says nothing."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["nets"])


def load_weights(networks: nn.Module, folder: Path, saved: SavedWeights) -> None:
    """Load the weights of a run into networks; see `read_weights`."""
    networks.load_state_dict(load(read_weights(folder, saved)))


def read_weights(folder: Path, saved: SavedWeights) -> bytes:
    """The file of a run's weights. Raises UserError if it is missing or was altered."""
    path = inside(folder, saved.file)
    if not path.exists():
        raise UserError(f"{path} is missing; delete {folder / 'manifest.json'} and start again to restore both.")
    return read_verified(path, saved.sha256, AGAIN)


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one row per epoch; without epochs, only the header. A value that an epoch lacks is an empty cell."""
    columns = list(dict.fromkeys(["epoch", "step", "seconds", *(name for row in history for name in row)]))
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def write_snapshots(path: Path, snapshots: dict[int, Tensor]) -> None:
    """Write `epochs` (F,) and `images` (F, n, C, H, W) uint8."""
    images = torch.stack(list(snapshots.values())) if snapshots else torch.zeros(0, 0, 1, 1, 1, dtype=torch.uint8)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, epochs=np.array(list(snapshots), dtype=np.int64), images=images.numpy())
