"""What earlier runs of this machine have cost: their manifests, and the notes of what each job has taken."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from nets.machine.costs import read_costs
from nets.machine.provenance import cpu_name
from nets.machine.slots import devices, gpu_name
from nets.planning.work import counts, pace_key, steps_per_epoch
from nets.run import Run
from nets.suite import paths

SIZED = 3  # runs of a kind whose files are measured
# Seconds that measured steps don't show, from `quick` on one core of a server: of each job; of comparing samples with a
# real image, by extractor; and of Inception for an image (on a GPU, next to nothing).
JOB, COMPARED, INCEPTION = 0.5, 0.0045, 0.08
ESTIMATED, MEASURED, GUESSED = "earlier runs", "measured steps", "guessed"


@dataclass(frozen=True)
class Cost:
    """What one kind of run costs, in seconds, MiB and bytes; None for what nobody knows."""

    start: float  # of training, before and after its epochs
    epoch: float  # of training
    evaluate: float | None = None
    draw: float | None = None
    memory: float | None = None  # the most that a job of the run takes, of the machine or of the GPU
    size: int | None = None  # of its folder
    source: str = ESTIMATED

    def train(self, run: Run) -> float:
        """The seconds of a training."""
        return self.start + run.recipe.epochs * self.epoch


@dataclass(frozen=True)
class Machine:
    """What decides how fast a run is, besides itself."""

    cpu: str
    gpu: str | None
    threads: int

    @classmethod
    def here(cls, threads: int = 1) -> "Machine":
        """This machine."""
        return cls(cpu_name(), gpu_name() if devices() else None, threads)

    def made(self, manifest: dict[str, Any]) -> bool:
        """Whether a run was trained on such a machine."""
        hardware = manifest.get("hardware") or {}
        on_gpu = str(manifest.get("device")).startswith("cuda")
        used = hardware.get("cpu"), hardware.get("gpu") if on_gpu else None, manifest.get("threads")
        return used == (self.cpu, self.gpu, self.threads) and on_gpu == (self.gpu is not None)


def read(path: Path) -> dict[str, Any]:
    """A JSON file of a run; empty if it can't be read: a forecast does without it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def costs_of(results: Path, machine: Machine, known: dict[str, str], clock: bool = False) -> dict[str, Cost]:
    """What each kind of run has cost on this machine, by `pace_key`; the median of its runs in all suites.

    `results` is the folder of all suites. `known` has kinds by the digest of descriptions, which need not be read.
    `clock`: seconds are those of the clock, at which a suite goes on while others use the machine.
    """
    found: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for manifest in sorted(results.glob("*/runs/*/manifest.json")):
        content = read(manifest)
        usable = content.get("status") == "ok" and content.get("seconds") and machine.made(content)
        if usable and (key := key_of(manifest.parent, known)):
            found.setdefault(key, []).append((manifest.parent, content))
    return {
        key: merged([cost_of(*run, sized=at < SIZED, clock=clock) for at, run in enumerate(each)])
        for key, each in found.items()
    }


def key_of(folder: Path, known: dict[str, str]) -> str | None:
    """The kind of the run in a folder; None if its description can't be read."""
    digest = read(folder / "made_of.json").get("train", {}).get("description", "")
    if digest not in known:
        try:
            known[digest] = pace_key(Run.load(folder))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
    return known[digest]


def cost_of(folder: Path, manifest: dict[str, Any], sized: bool = True, clock: bool = False) -> Cost:
    """What one run has cost; `sized`: its files too. `clock` is as for `costs_of`.

    On a CPU, the seconds are those of its process, so what else ran then does not count.
    """
    spent, seconds, epochs = read_costs(folder), float(manifest["seconds"]), int(manifest.get("epochs") or 0)
    training = spent.get("train", {})
    share, own = 1.0, manifest.get("device") == "cpu" and manifest.get("threads") == 1 and not clock
    if own and training.get("seconds", 0) >= seconds:
        share = min(1.0, training["cpu_seconds"] / training["seconds"])
    beside = max(0.0, training.get("seconds", 0) - seconds) * share
    memory = [spent.get(job, {}).get("peak_memory_mb") for job in ("train", "evaluate")]
    if manifest.get("device") != "cpu" or not any(memory):
        memory = [manifest.get("peak_memory_mb")]
    return Cost(
        start=beside if epochs else beside + seconds * share,
        epoch=seconds * share / epochs if epochs else 0.0,
        evaluate=spent.get("evaluate", {}).get("cpu_seconds" if own else "seconds"),
        draw=spent.get("draw", {}).get("cpu_seconds" if own else "seconds"),
        memory=max((value for value in memory if value), default=None),
        size=size_of(folder) if sized else None,
    )


def merged(costs: list[Cost]) -> Cost:
    """The medians of what several runs of a kind have cost."""

    def middle(field: str) -> Any:
        values = [value for cost in costs if (value := getattr(cost, field)) is not None]
        return median(values) if values else None

    size = middle("size")
    return Cost(
        middle("start"), middle("epoch"), middle("evaluate"), middle("draw"), middle("memory"), size and int(size)
    )


def size_of(folder: Path) -> int:
    """The bytes of a folder's files; a file with two names counts once."""
    files = {
        (status.st_dev, status.st_ino): status.st_size
        for path in folder.rglob("*")
        if path.is_file() and (status := path.lstat())
    }
    return sum(files.values())


def from_pace(run: Run, pace: dict[str, Any]) -> Cost:
    """What a run costs, from measured steps (`nets.training.pace`)."""
    images, options = counts(run), run.recipe.options
    steps = steps_per_epoch(run, pace["batch"], images["train"])
    if options.get("fitted"):
        steps = 1
    epochs = max(1, run.recipe.epochs)
    watched = pace.get("sample", 0) * options.get("fid_samples", 0) * min(1.0, 24 / epochs)
    evaluated = images["test"] * pace["evaluate"] * pace["measured"] + images["train"] * pace.get("probe", 0)
    if run.fidelity:
        evaluated += pace.get("sample", 0) * options["samples"] + COMPARED * images["test"]
        if read(Path(paths.fetched("inception"))).get("status") == "ok":
            evaluated += COMPARED * images["test"] + INCEPTION * options["samples"] * (pace.get("device") == "cpu")
    weights = 4 * pace["parameters"]
    return Cost(
        start=JOB + pace["start"],
        epoch=steps * pace["step"] + images["validation"] * pace["validate"] + watched,
        evaluate=JOB + evaluated,
        memory=pace["peak_memory_mb"],
        size=2 * weights + 300_000,
        source=MEASURED,
    )
