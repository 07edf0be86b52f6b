"""What the checks of a GPU share: seeded data, descriptions of short runs, and a place where these runs happen.

Everything works in a bare checkout with NumPy and torch (2.11 or later). Runs are described here and not read from
tables and catalogues, which need yaml and jsonschema.
"""

import contextlib
import dataclasses
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from nets.data import polynomials
from nets.data.batches import Batch, Batches
from nets.data.prepared import open_split
from nets.files import sha256
from nets.jobs import train as train_job
from nets.machine.stop import Stopped
from nets.run import Network, Recipe, Run
from nets.tasks import task_class
from nets.tasks.contract import Task
from nets.tasks.kinds import KINDS
from nets.tasks.precision import Precision
from nets.training.session import JobSettings, Session, train

ROOT = Path(__file__).parents[2]
Facts = dict[str, Any]
SHAPES = {"digits": (1, 28, 28), "grey": (1, 40, 40), "colour": (3, 32, 32), "masks": (1, 64, 64)}
CLASSES = {"digits": 10, "grey": 5, "colour": 10, "masks": 4}
COUNTS = {"train": 480, "validation": 96, "test": 96}
BFLOAT16 = Precision(torch.bfloat16)
CPU = torch.device("cpu")
FEW = {"train": 96, "validation": 40, "test": 40}  # with --pretend


def make_images(kind: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Images (N, C, H, W) uint8, labels (N,) and, for `masks`, the class of every pixel (N, H, W).

    Polynomials, labelled by degree; in colour, one for each channel. Masks are the same, cut into levels.
    """
    channels, size, _ = SHAPES[kind]
    if kind == "masks":
        images, _ = polynomials.generate(count, seed, 3, size)
        return images, np.full(count, -1), (images[:, 0] // (256 // CLASSES[kind])).astype(np.uint8)
    images, labels = polynomials.generate(count, seed, CLASSES[kind], size)
    more = [polynomials.generate(count, seed + 100 + c, CLASSES[kind], size)[0] for c in range(1, channels)]
    return np.concatenate([images, *more], axis=1), labels, None


def write_data(folder: Path, kind: str, counts: dict[str, int]) -> Path:
    """A prepared data set in `folder`, as docs/files.md describes it."""
    learning = counts["train"] + counts["validation"]
    arrays: dict[str, np.ndarray] = {}
    for part, count, seed in (("learning", learning, 1), ("test", counts["test"], 2)):
        images, labels, masks = make_images(kind, count, seed)
        arrays |= {f"{part}/images": images, f"{part}/labels": labels.astype(np.int64)}
        arrays |= {} if masks is None else {f"{part}/masks": masks}
    order = np.random.RandomState(0).permutation(learning).astype(np.int64)
    arrays |= {"learning/train": order[: counts["train"]], "learning/validation": order[counts["train"] :]}
    arrays["test/test"] = np.arange(counts["test"])
    for name, values in arrays.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{name}.npy", values)
    seen = arrays["learning/images"] / 255
    info = {
        **{"name": kind, "title": kind, "status": "ok", "reason": None, "void": None, "licence": "", "citation": ""},
        **{"shape": SHAPES[kind], "classes": CLASSES[kind], "counts": counts},
        "source": {"kind": "generated", "canonical": True},
        "hashes": {f"{name}.npy": sha256(folder / f"{name}.npy") for name in arrays},
        "mean": seen.mean(axis=(0, 2, 3)).tolist(),
        "std": seen.std(axis=(0, 2, 3)).tolist(),
    }
    (folder / "dataset.json").write_text(json.dumps(info))
    return folder


def describe(
    name: str,
    task: str,
    data: str,
    networks: dict[str, tuple[str, dict[str, Any]]],
    pretrained: dict[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """A run of some networks (by role: class below `nets.models`, and arguments) on a seeded data set.

    `settings` are those of a recipe; with `sampled`, the samples of a VAE are measured. It starts from `pretrained`.
    """
    kind = KINDS[task]
    options = {key: rule["default"] for key, rule in kind.schema["properties"].items() if "default" in rule}
    options |= settings.pop("options", {})
    generates = kind.task is None or settings.pop("sampled", False)
    recipe: dict[str, Any] = {
        **{"name": "gpu", "epochs": 2, "batch_size": 16, "optimizer": {"name": "adam", "lr": 0.001}, "optimizers": {}},
        **{"schedule": {"name": "constant", "warmup_epochs": 0}, "augment": {}, "options": options},
        **{"clip_norm": None, "ema": None, "precision": "auto"},
    }
    return Run(
        **{"name": f"{name}-{data}-s0", "model": name, "title": name, "dataset": data, "variant": "", "seed": 0},
        **{"task": task, "purpose": "benchmark", "recipe": Recipe(**recipe | settings), "row": {}, "overridden": {}},
        networks={role: Network(f"nets.models.{path}", arguments) for role, (path, arguments) in networks.items()},
        data={"title": data, "shape": list(SHAPES[data]), "classes": CLASSES[data], "masks": {"void": None}},
        fidelity={"indomain": f"judge-{data}-s0", "inception": False, "reference": "test"} if generates else None,
        pretrained=pretrained,
    )


class Wrong(AssertionError):
    """A check has found something wrong; the message is one sentence."""


def must(condition: bool, sentence: str) -> None:
    """Raise Wrong with a sentence unless a condition holds."""
    if not condition:
        raise Wrong(sentence)


@dataclass
class Bench:
    """The device, a folder for files, and what earlier checks have made."""

    device: torch.device
    folder: Path
    pretend: bool = False
    kept: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] | None = None  # images of each split; None: the usual ones

    @property
    def counts(self) -> dict[str, int]:
        """The number of images of each split."""
        return self.sizes or (FEW if self.pretend else COUNTS)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, made once."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def data(self, kind: str) -> Path:
        """The folder of a prepared data set."""
        return self.once(f"data {kind}", lambda: write_data(self.folder / "data" / kind, kind, self.counts))

    def place(self, run: Run, label: str) -> Path:
        """A new folder with the description of a run."""
        folder = self.folder / "runs" / label / run.name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(run.to_json())
        return folder

    def train(self, run: Run, label: str, stop_after: int = 0, replays: bool = False, **inputs: Any) -> Path:
        """Train a run on the device; with `stop_after`, it is stopped after so many steps and then continued."""
        folder = self.place(run, label)
        steps = iter(range(stop_after - 1))
        settings = JobSettings(folder / "train.log", replays=replays)
        stopped = dataclasses.replace(settings, stop_asked=lambda: stop_after > 0 and next(steps, None) is None)
        arguments = {"run": run, "folder": folder, "data_dir": self.data(run.dataset), "device": self.device} | inputs
        with chance_allowed(run):
            if stop_after:
                with contextlib.suppress(Stopped):
                    train(Session(**arguments, settings=stopped))
                must(bool(list(folder.glob("checkpoints/*.pt"))), f"{run.name} was stopped and left no checkpoint.")
            train(Session(**arguments, settings=settings))
        manifest = json.loads((folder / "manifest.json").read_text())
        must(manifest["status"] == "ok", f"{run.name} ended as {manifest['status']}: {manifest['reason']}")
        must(manifest["resumed"] == (stop_after > 0), f"{run.name} has continued {manifest['resumed']} times.")
        return folder

    def judge(self, data: str) -> Path:
        """The manifest of a classifier in whose features samples are measured."""

        def make() -> Path:
            run = describe("judge", "classification", data, {"classifier": ("lenet.LeNet5", {})}, epochs=4)
            return self.train(run, "judge") / "manifest.json"

        return self.once(f"judge {data}", make)


Check = Callable[[Bench], Facts]


def chance_allowed(run: Run) -> Any:
    """A context in which a run may end no better than chance, as it may after so few steps."""
    return mock.patch.object(task_class(run), "failure", lambda *_: None)


def train_here() -> None:
    """Be a training job: `python -m nets.jobs.train` with the arguments of this process."""
    with chance_allowed(Run.load(Path(sys.argv[sys.argv.index("--run-dir") + 1]))):
        sys.exit(train_job.main(sys.argv[1:]))


def left(folder: Path) -> dict[str, Any]:
    """The bits that a training has left, without its times."""
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    timed = rows[0].index("seconds")
    return {
        "weights": {label: file["sha256"] for label, file in manifest["weights"].items()},
        "history": [row[:timed] + row[timed + 1 :] for row in rows],
        "snapshots": sha256(folder / "snapshots.npz"),
    }


def differing(first: Path, second: Path) -> str:
    """Which bits of two trainings differ, in words; empty if none do."""
    one, other = left(first), left(second)
    return ", ".join(name for name in one if one[name] != other[name])


def held(device: torch.device) -> int:
    """Bytes of tensors that are alive on a device."""
    gc.collect()
    wait(device)
    if device.type == "cuda":
        if clear := getattr(torch._C, "_cuda_clearCublasWorkspaces", None):
            clear()
        return torch.cuda.memory_allocated(device)
    alive = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    return sum({each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in alive}.values())


def start(place: Bench, folder: Path, **environment: str) -> subprocess.Popen:
    """A training job in its own process, for the run described in `folder`; it leases a slot of the device."""
    arguments = ["--run-dir", str(folder), "--data-dir", str(place.data("grey")), "--checkpoint-seconds", "0"]
    command = [sys.executable, "-c", "from benchmarks.gpu import bench; bench.train_here()", *arguments]
    slots = place.folder / "slots"
    slots.mkdir(exist_ok=True, parents=True)
    pretended = {"NETS_GPUS": "1"} if place.device.type == "cpu" else {}
    settings = os.environ | {"TMPDIR": str(slots)} | pretended | environment
    return subprocess.Popen(command, cwd=ROOT, env=settings, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> None:
    """Wait for a job. Raises Wrong if it fails."""
    _, errors = process.communicate()
    must(process.returncode == 0, f"A job ended with {process.returncode}: {errors.strip().splitlines()[-1:]}")


def build(place: Bench, run: Run, device: torch.device, precision: Precision | None = None) -> tuple[Task, Batches]:
    """A run's task with its first weights, the same on every device, and its training data."""
    torch.manual_seed(run.seed)
    kind, split = task_class(run), open_split(place.data(run.dataset), "train")
    pixels = kind.pixel_range(split.info)
    return kind(run, pixels, device, precision), Batches(split, pixels, device)


def weights_of(task: Task) -> dict[str, Tensor]:
    """Copies of all weights, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in task.networks.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two sets of weights are the same bits."""
    return all(torch.equal(first[name], second[name]) for name in first)


def learn(task: Task, data: Batches, steps: int) -> list[float]:
    """The first losses of some steps of training."""
    torch.manual_seed(1)
    found: list[Batch] = []
    while len(found) < steps:
        found += data.epoch(task.batch_size, seed=len(found))
    return [next(iter(task.learn(batch).values())).item() for batch in found[:steps]]


def wait(device: torch.device) -> None:
    """Wait until the device has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
