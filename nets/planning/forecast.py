"""How long the runs of a suite take on this machine, one by one and together, and what else they need."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

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
        return sum(left for stage, left in stages(run, self.costs[run.name]).items() if stage not in self.done[run.name])

    @property
    def disk(self) -> int:
        """The bytes that the missing runs and data sets will take."""
        return sum(self.costs[run.name].size or 0 for run in self.open) + sum(self.data.values())


def stages(run: Run, cost: Cost) -> dict[str, float]:
    """The seconds of each stage of a run."""
    return {"train": cost.train(run), "evaluate": cost.evaluate or 0.0, "draw": cost.draw or 0.0}


def forecast(
    runs: list[Run],
    results: str,
    costs: Mapping[str, Cost],
    paces: Mapping[str, dict],
    slots: int,
    cores: int,
    threads: int = 1,
    started: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of a suite whose results are in `results`.

    `costs` are those of earlier runs, `paces` measured steps, both by `pace_key`. `started` has the seconds that are
    left of jobs at work, such as "train lenet5-mnist5k-s0".
    """
    done = {run.name: stages_done(results, run) for run in runs}
    own = complete(runs, costs, paces)
    jobs = jobs_of(runs, results, own, done, threads, started or {})
    end = simulate(jobs, slots, cores)
    missing = {run.dataset: run for run in runs if not is_prepared(run.dataset)}
    data = {name: size_of_data(run) for name, run in missing.items()}
    return Forecast(runs, own, done, end, slots, data)


def complete(runs: Iterable[Run], costs: Mapping[str, Cost], paces: Mapping[str, dict]) -> dict[str, Cost]:
    """The cost of each run, by name: from earlier runs, measured steps, or else those of similar runs."""
    found: dict[str, Cost] = {}
    unknown: list[Run] = []
    for run in runs:
        key = pace_key(run)
        pace = from_pace(run, paces[key]) if paces.get(key) and "error" not in paces[key] else None
        if key in costs:
            found[run.name] = filled(costs[key], pace)
        elif pace:
            found[run.name] = pace
        else:
            unknown.append(run)
    by_name = {run.name: run for run in runs}
    similar = [(by_name[name], cost) for name, cost in found.items()]
    found |= {run.name: guess(run, similar) for run in unknown}
    return {name: rounded_up(cost, by_name[name], similar) for name, cost in found.items()}


def filled(cost: Cost, pace: Cost | None) -> Cost:
    """A cost of earlier runs; what they did not note is that of measured steps, if there are some."""
    return cost if pace is None or cost.evaluate is not None else replace(cost, evaluate=pace.evaluate)


def guess(run: Run, similar: Iterable[tuple[Run, Cost]]) -> Cost:
    """The cost of a run that never ran and was not measured: that of the most similar ones, by images."""
    images = max(1, counts(run)["train"])

    def scaled(groups: list[tuple[Run, Cost]]) -> Cost:
        each = [cost.epoch * images / max(1, counts(other)["train"]) for other, cost in groups]
        sizes = [cost.size or 0 for _, cost in groups]
        memory = max((cost.memory or 0 for _, cost in groups), default=0)
        return Cost(
            median(cost.start for _, cost in groups), median(each), None, None, memory, int(median(sizes)), GUESSED
        )

    alike = [
        [pair for pair in similar if (pair[0].task, pair[0].dataset) == (run.task, run.dataset)],
        [pair for pair in similar if pair[0].task == run.task],
        list(similar),
    ]
    return next((scaled(group) for group in alike if group), Cost(1.0, images / 2000, source=GUESSED, size=1_000_000))


def rounded_up(cost: Cost, run: Run, similar: list[tuple[Run, Cost]]) -> Cost:
    """A cost whose evaluation and drawing are known or guessed, from runs of the same task."""
    same = [(other, each) for other, each in similar if (other.task, other.dataset) == (run.task, run.dataset)]
    same = same or [(other, each) for other, each in similar if other.task == run.task]

    def middle(field: str, default: float) -> float:
        values = [value for _, each in same if (value := getattr(each, field)) is not None]
        return median(values) if values else default

    return replace(
        cost,
        evaluate=middle("evaluate", EVALUATE) if cost.evaluate is None else cost.evaluate,
        draw=middle("draw", DRAW) if cost.draw is None else cost.draw,
    )


def stages_done(results: str, run: Run) -> frozenset[str]:
    """The stages of a run that would not run again: their files are there, made of the same."""
    folder = Path(paths.run_folder(results, run.name))
    if not (folder / "manifest.json").exists():
        return frozenset()
    notes, done = recorded(folder), set()
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

    for run in runs:
        missing = [stage for stage in STAGES if stage not in done[run.name]]
        if not missing:
            continue
        seconds, memory = stages(run, costs[run.name]), costs[run.name].memory or 0.0
        if not is_prepared(run.dataset) and (prepare := f"prepare {run.dataset}") not in jobs:
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
            add(f"evaluate {run.name}", seconds["evaluate"], *measured, slot=True, priority=2, cores=threads, memory=memory)
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
