"""How long the runs of a suite take on this machine, one by one and together, and what else they need."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

from nets.machine.costs import read_costs
from nets.planning.earlier import GUESSED, Cost, from_pace, read
from nets.planning.simulation import End, Job, simulate
from nets.planning.work import counts, pace_key
from nets.run import Run
from nets.suite import paths
from nets.suite.changes import made_now
from nets.suite.keys import recorded

# Seconds, where no earlier suite tells: those of `quick` on one core of a server. In all, and for each run.
AFTERWARDS = {"collect": (1.0, 0.01), "compare": (2.0, 0.06), "report": (1.0, 0.01), "track": (3.0, 0.1)}
PREPARE, REFERENCE, DRAW, WEIGHTS, EVALUATE = 2.0, 4.0, 0.9, 1.0, 2.0
PIXELS = 4e7  # of images that are prepared in a second
SERVER = 400.0  # MiB that Snakemake and the server of jobs take
STAGES = ("train", "evaluate", "draw")


@dataclass(frozen=True)
class Forecast:
    """What the runs of a suite cost, which of their stages are done, and when each ends."""

    runs: list[Run]
    costs: dict[str, Cost]  # by the name of the run
    done: dict[str, frozenset[str]]  # by the name of the run: its stages that would not run again
    end: End
    slots: int
    data: dict[str, int] = field(default_factory=dict)  # bytes of the data sets that are not prepared yet

    @property
    def whole(self) -> list[Run]:
        """The runs of which nothing would run again."""
        return [run for run in self.runs if self.done[run.name] >= set(STAGES)]

    @property
    def open(self) -> list[Run]:
        """The runs that have something left to do."""
        return [run for run in self.runs if not self.done[run.name] >= set(STAGES)]

    def seconds(self, run: Run) -> float:
        """What is left of a run, in seconds of one slot."""
        return sum(
            left for stage, left in stages(run, self.costs[run.name]).items() if stage not in self.done[run.name]
        )

    @property
    def disk(self) -> int:
        """The bytes that the missing runs and data sets will take."""
        return sum(self.costs[run.name].size or 0 for run in self.open) + sum(self.data.values())


Kinds = Mapping[str, Run]  # a run of each kind, by `pace_key`


class Known(NamedTuple):
    """A kind of run whose cost is known."""

    run: Run
    images: int  # that it learns from
    cost: Cost


def kinds_of(runs: Collection[Run]) -> tuple[dict[str, str], dict[str, Run]]:
    """The kind of each run, by name, and a run of each kind."""
    keys = {run.name: pace_key(run) for run in runs}
    return keys, {keys[run.name]: run for run in runs}


def stages(run: Run, cost: Cost) -> dict[str, float]:
    """The seconds of each stage of a run."""
    return {"train": cost.train(run), "evaluate": cost.evaluate or 0.0, "draw": cost.draw or 0.0}


def forecast(
    runs: list[Run],
    keys: Mapping[str, str],
    results: str,
    costs: Mapping[str, Cost],
    paces: Mapping[str, dict],
    slots: int,
    cores: int,
    threads: int = 1,
    started: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of a suite whose results are in `results`.

    `keys` has the kind of each run, by name. `costs` are those of earlier runs, `paces` measured steps, both by kind.
    `started` has the seconds that are left of jobs at work, such as "train lenet5-mnist5k-s0".
    """
    done = {run.name: stages_done(results, run) for run in runs}
    by_kind = complete({keys[run.name]: run for run in runs}, costs, paces)
    own = {run.name: by_kind[keys[run.name]] for run in runs}
    jobs = jobs_of(runs, results, own, done, threads, started or {})
    end = simulate(jobs, slots, cores)
    missing = {run.dataset: run for run in runs if not is_prepared(run.dataset)}
    data = {name: size_of_data(run) for name, run in missing.items()}
    return Forecast(runs, own, done, end, slots, data)


def complete(kinds: Kinds, costs: Mapping[str, Cost], paces: Mapping[str, dict]) -> dict[str, Cost]:
    """The cost of each kind of run: from earlier runs, measured steps, or else those of similar runs."""
    found: dict[str, Cost] = {}
    for key, run in kinds.items():
        pace = from_pace(run, paces[key]) if paces.get(key) and "error" not in paces[key] else None
        if key in costs:
            found[key] = filled(costs[key], pace)
        elif pace:
            found[key] = pace
    similar = [Known(kinds[key], counts(kinds[key])["train"], cost) for key, cost in found.items()]
    groups: dict[tuple[str, ...], list[Known]] = {(): similar}
    for known in similar:
        groups.setdefault((known.run.task,), []).append(known)
        groups.setdefault((known.run.task, known.run.dataset), []).append(known)
    usual = {name: {field: usual_of(group, field) for field in ("evaluate", "draw")} for name, group in groups.items()}
    for key, run in kinds.items():
        names = ((run.task, run.dataset), (run.task,), ())
        if key not in found:
            found[key] = guess(run, next((groups[name] for name in names if groups.get(name)), []))

        def known_or(field: str, default: float, key: str = key, names: tuple = names) -> float:
            own = getattr(found[key], field)
            values = (usual.get(name, {}).get(field) for name in names)
            return next((value for value in (own, *values) if value is not None), default)

        found[key] = replace(found[key], evaluate=known_or("evaluate", EVALUATE), draw=known_or("draw", DRAW))
    return found


def filled(cost: Cost, pace: Cost | None) -> Cost:
    """A cost of earlier runs; what they did not note is that of measured steps, if there are some."""
    return cost if pace is None or cost.evaluate is not None else replace(cost, evaluate=pace.evaluate)


def usual_of(group: list[Known], field: str) -> float | None:
    """The median of one part of the costs of similar runs; None if none of them tells it."""
    values = [value for known in group if (value := getattr(known.cost, field)) is not None]
    return median(values) if values else None


def guess(run: Run, group: list[Known]) -> Cost:
    """The cost of a run that never ran and was not measured: that of similar ones, by the number of images."""
    images = max(1, counts(run)["train"])
    if not group:
        return Cost(1.0, images / 2000, size=1_000_000, source=GUESSED)
    epoch = median(known.cost.epoch * images / max(1, known.images) for known in group)
    memory = max(known.cost.memory or 0 for known in group)
    size = int(median(known.cost.size or 0 for known in group))
    return Cost(median(known.cost.start for known in group), epoch, None, None, memory, size, GUESSED)


def stages_done(results: str, run: Run) -> frozenset[str]:
    """The stages of a run that would not run again: their files are there, made of the same."""
    folder = Path(paths.run_folder(results, run.name))
    if not (folder / "manifest.json").exists():
        return frozenset()
    notes, done = recorded(folder), set[str]()
    for stage, names in {"train": paths.TRAINED, "evaluate": paths.EVALUATED}.items():
        note = notes.get(stage)
        alike = isinstance(note, dict) and all(note.get(key) == value for key, value in made_now(stage, run).items())
        if not alike or not all((folder / name).exists() for name in names):
            return frozenset(done)
        done.add(stage)
    if (folder / paths.FIGURES).is_dir():
        done.add("draw")
    return frozenset(done)


def is_prepared(dataset: str) -> bool:
    """Whether a data set has been prepared, or found missing."""
    return Path(paths.prepared(dataset)[0]).exists()


def size_of_data(run: Run) -> int:
    """The bytes that a run's data set takes when it is prepared: a byte a pixel and channel, and one for each mask."""
    channels, height, width = run.shape
    return sum(counts(run).values()) * height * width * (channels + ("masks" in run.data))


def jobs_of(
    runs: Collection[Run],
    results: str,
    costs: Mapping[str, Cost],
    done: Mapping[str, frozenset[str]],
    threads: int,
    started: Mapping[str, float],
) -> list[Job]:
    """The jobs that are left, as the rules make them; those at work first, with what is left of them."""
    jobs: dict[str, Job] = {}

    def add(name: str, seconds: float, *after: str, **more: int | float | bool) -> None:
        job = Job(name, started.get(name, seconds), after, **more)  # type: ignore[arg-type]
        jobs[name] = replace(job, priority=10, after=()) if name in started else job

    prepared = {dataset for dataset in {run.dataset for run in runs} if is_prepared(dataset)}
    for run in runs:
        missing = [stage for stage in STAGES if stage not in done[run.name]]
        if not missing:
            continue
        seconds, memory = stages(run, costs[run.name]), costs[run.name].memory or 0.0
        if run.dataset not in prepared and (prepare := f"prepare {run.dataset}") not in jobs:
            add(prepare, PREPARE + size_of_data(run) / PIXELS, priority=1)
        needs = [f"prepare {run.dataset}"]
        if run.pretrained and run.pretrained["kind"] == "run":
            needs.append(f"train {run.pretrained['name']}")
        if indomain := run.fidelity and run.fidelity["indomain"]:
            needs.append(f"train {indomain}")
        if "train" in missing:
            add(f"train {run.name}", seconds["train"], *needs, slot=True, cores=threads, memory=memory)
        measured = [f"train {run.name}"]
        for folder in map(Path, paths.references_of(results, run)):
            if not folder.exists():
                name = f"reference {folder.parent.name}"
                measured.append(name)
                if name not in jobs:
                    spent = read_costs(folder.parent).get("reference", {})
                    add(name, spent.get("cpu_seconds", REFERENCE), *needs, slot=True)
        if "evaluate" in missing:
            add(
                f"evaluate {run.name}",
                seconds["evaluate"],
                *measured,
                slot=True,
                priority=2,
                cores=threads,
                memory=memory,
            )
        if "draw" in missing:
            add(f"draw {run.name}", seconds["draw"], f"evaluate {run.name}")
    if jobs:
        add_the_rest(jobs, runs, results)
    return sorted(jobs.values(), key=lambda job: job.name not in started)


def add_the_rest(jobs: dict[str, Job], runs: Collection[Run], results: str) -> None:
    """Add what is made of all runs; the page needs the tables."""
    spent, everything = read_costs(Path(results)), tuple(jobs)
    for name, (once, each) in AFTERWARDS.items():
        seconds = spent.get(name, {}).get("cpu_seconds", once + each * len(runs))
        after = (*everything, "compare") if name == "report" else everything
        jobs[name] = Job(name, seconds, after)


def downloads(runs: Iterable[Run]) -> list[str]:
    """What has to be downloaded, or is not there, before all runs can start: a line each."""
    lines: list[str] = []
    for run in {run.dataset: run for run in runs}.values():
        note = read(Path(paths.prepared(run.dataset)[0]))
        kinds = {source["kind"] for source in run.data["sources"]}
        if note.get("status", "ok") != "ok":
            lines.append(f"{run.dataset}: {note.get('reason')}")
        elif not note and "torchvision" in kinds:
            lines.append(f"{run.dataset}: downloaded, unless its files are on this machine")
    for path in map(Path, paths.fetched_for(runs)):
        note = read(path)
        if note.get("status") != "ok":
            lines.append(f"{path.stem}: {note.get('reason') or 'weights, downloaded unless they are on this machine'}")
    return lines
