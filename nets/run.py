"""The description of one run: everything that can influence its result, and nothing else.

A suite is a table of runs that a user writes; `nets.suite.expansion` resolves it into these descriptions. `runs.jsonl`
holds one per line. Training writes its run's description to `config.json`, where all later stages read it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nets.errors import UserError
from nets.files import atomic
from nets.optimizers import OPTIMIZERS
from nets.trust import check_name


@dataclass(frozen=True)
class Network:
    """A network of the catalogue: the import path of its class, and constructor arguments."""

    path: str
    args: dict[str, Any] = field(default_factory=dict)
    builder: bool = False  # whether `path` is a function that builds the network

    @property
    def module(self) -> str:
        """The module of the class."""
        return self.path.rpartition(".")[0]


@dataclass(frozen=True)
class Recipe:
    """How a run trains. `nets.suite.catalogues.schema("recipes")` defines keys, ranges and defaults."""

    name: str
    epochs: int
    batch_size: int
    optimizer: dict[str, Any]
    optimizers: dict[str, dict[str, Any]]  # by role, for networks with one of their own
    schedule: dict[str, Any]
    augment: dict[str, Any]
    options: dict[str, Any]  # of the task
    clip_norm: float | None
    ema: float | None
    precision: str

    def optimizer_of(self, role: str) -> dict[str, Any]:
        """Name and settings of a network's optimizer: its own settings, and the shared ones that apply to it."""
        own = self.optimizers.get(role, {})
        name = own.get("name", self.optimizer["name"])
        known = self.optimizer if name == self.optimizer["name"] else OPTIMIZERS[name].keys
        return {key: value for key, value in self.optimizer.items() if key in known} | own


@dataclass(frozen=True)
class Run:
    """One cell of the benchmark with one seed."""

    name: str
    model: str
    title: str
    dataset: str
    variant: str
    seed: int
    task: str
    purpose: str  # "benchmark", or "extractor" for the classifier that measures generators
    networks: dict[str, Network]  # by role: "classifier"; "generator" and "discriminator"; ...
    recipe: Recipe
    data: dict[str, Any]  # the data set's entry in the catalogue
    fidelity: dict[str, Any] | None  # how samples are measured; generators only
    row: dict[str, str]  # the table's cells as written, without the seeds
    overridden: dict[str, Any]  # the catalogues' values that the row's overrides replaced, by key
    pretrained: dict[str, Any] | None = None  # the weights that it starts from (nets.suite.starts)

    def __post_init__(self) -> None:
        """Raise UserError if what becomes a part of a path is not a plain name."""
        for key in ("name", "model", "dataset", "task"):
            check_name(getattr(self, key), f"The {key} of a run")
        for needed in ((self.fidelity or {}).get("indomain"), (self.pretrained or {}).get("name")):
            if needed is not None:
                check_name(needed, f"What {self.name} needs")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self.data["shape"]
        return channels, height, width

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a classifier's input: of the images that its start was trained on, if any."""
        channels, height, width = self.pretrained["shape"] if self.pretrained else self.shape
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 if the data set has no labels."""
        classes = self.data["classes"]
        return classes if isinstance(classes, int) else len(classes or ())

    def to_json(self, indent: int | None = 1) -> str:
        """The text of `config.json`; with `indent=None`, a line of `runs.jsonl`."""
        return json.dumps(self, default=fields, indent=indent, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """Parse the text of `config.json`."""
        raw = json.loads(text)
        networks = {role: Network(**network) for role, network in raw.pop("networks").items()}
        return cls(networks=networks, recipe=Recipe(**raw.pop("recipe")), **raw)

    @classmethod
    def load(cls, folder: Path) -> "Run":
        """Read `config.json` in a run's folder."""
        return cls.from_json((folder / "config.json").read_text(encoding="utf-8"))

    @classmethod
    def find(cls, runs: Path, name: str) -> "Run":
        """Read the run called `name` from `runs.jsonl`. Raises UserError if there is none."""
        with open(runs, encoding="utf-8") as lines:
            for line in lines:
                if f'"name": "{name}"' in line and (run := cls.from_json(line)).name == name:
                    return run
        raise UserError(f"{runs} has no run {name}; it lists the runs of one table.")

    @property
    def draws_labels(self) -> bool:
        """Whether its seed draws the images that have labels. Runs with the same data set and seed share the images."""
        return "labelled" in self.data["splits"]

    @property
    def digest(self) -> str:
        """SHA-256 of the description: the key of checkpoints."""
        return hashlib.sha256(self.to_json(indent=None).encode()).hexdigest()


def fields(part: Run | Recipe | Network) -> dict[str, Any]:
    """The fields of a part of a description; `builder` only if it is true."""
    return {key: value for key, value in vars(part).items() if key != "builder" or value}


def chosen_weights(manifest: dict[str, Any]) -> dict[str, Any]:
    """The file, hash and epoch of a run's weights that were best on validation data; its last, if none were chosen.

    Other runs use these weights. Empty for a hole.
    """
    weights = manifest.get("weights", {})
    return weights.get("best") or weights.get("last", {})


def read_names(path: Path) -> list[str]:
    """The names of runs in a file, one per line. Raises UserError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from None
    return [check_name(line.strip(), f"A run in {path}") for line in lines if line.strip()]


def read_runs(path: Path) -> list[Run]:
    """Read all runs of `runs.jsonl`."""
    with open(path, encoding="utf-8") as lines:
        return [Run.from_json(line) for line in lines]


def write_runs(runs: Iterable[Run], path: Path) -> None:
    """Write `runs.jsonl`, one description per line."""
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(run.to_json(indent=None) + "\n" for run in runs)
