"""How a suite stands while it runs: what its files say, read from any terminal that sees them."""

import time
from dataclasses import dataclass
from pathlib import Path

from nets.files import read_json
from nets.machine.costs import Note, notes
from nets.machine.locks import try_lock
from nets.machine.progress import duration
from nets.planning.forecast import Forecast
from nets.planning.plan import plan
from nets.run import Run
from nets.suite import paths

LOCK = Path(".snakemake/nets.lock")  # held by every Snakemake that works in the folder


@dataclass(frozen=True)
class Standing:
    """How a suite stands."""

    planned: Forecast
    done: int  # runs with a result
    holes: int  # runs that ended without one
    failed: dict[str, str]  # jobs that failed, with the reasons
    working: list[Note]

    @property
    def total(self) -> int:
        """The number of runs."""
        return len(self.planned.runs)

    @property
    def ended(self) -> int:
        """The runs that have ended, with a result or without."""
        return self.done + self.holes

    def line(self) -> str:
        """'12 of 85 runs done, 2 running, 1 failed, about 9 min left | train vgg11-mnist5k-s1: 12 s left'."""
        return " | ".join([", ".join(self.parts()), *map(at_work, self.working)])

    def parts(self) -> list[str]:
        """What the line says of the whole suite."""
        running = len({note.subject for note in self.working})
        parts = [f"{self.done} of {self.total} runs done", f"{running} running"]
        if self.holes:
            parts.append(f"{self.holes} without a result")
        parts.append(f"{len(self.failed)} failed")
        return parts + ([f"about {duration(self.left)} left"] if self.left else [])

    @property
    def left(self) -> float:
        """The seconds until all is done."""
        return self.planned.end.seconds


def at_work(note: Note) -> str:
    """What a job does: 'train vgg11-mnist5k-s1: epoch 3/6, 12 s left'."""
    facts = [str(note.content["where"])] if note.content.get("where") else []
    if isinstance(left := note.content.get("left"), int | float):
        facts.append(f"{duration(left)} left")
    else:
        facts.append(f"for {duration(max(0.0, time.time() - number(note.content.get('started'))))}")
    return f"{note.job} {note.subject}: {', '.join(facts)}"


def number(value: object) -> float:
    """A number in a note; now, if it is none."""
    return float(value) if isinstance(value, int | float) else time.time()


def standing(runs: list[Run], results: str, slots: int | None = None, threads: int = 1) -> Standing:
    """How a suite stands whose results are in `results`; reads files only."""
    folder = Path(results)
    found = notes(folder / "runs", folder / "fidelity", folder.parent / "data", folder.parent)
    names = {run.name for run in runs} | {run.dataset for run in runs} | {folder.name}
    mine = [note for note in found if note.subject in names or note.job == "reference"]
    working = [note for note in mine if note.working]
    left = {
        f"{note.job} {note.subject}": number(note.content.get("left")) for note in working if "left" in note.content
    }
    planned = plan(runs, results, slots, threads=threads, started=left)
    ended = [status(folder, run.name) for run in runs if "evaluate" in planned.done[run.name]]
    failed = {
        f"{note.job} {note.subject}": str(note.content["failed"])
        for note in mine
        if not note.working and "failed" in note.content and not is_done(note, planned)
    }
    return Standing(planned, ended.count("ok"), len(ended) - ended.count("ok"), failed, working)


def is_done(note: Note, planned: Forecast) -> bool:
    """Whether a job that failed has succeeded since."""
    return note.job in planned.done.get(note.subject, frozenset())


def status(folder: Path, run: str) -> str:
    """The status in a run's metrics."""
    try:
        return str(read_json(Path(paths.run_folder(str(folder), run), "metrics.json")).get("status"))
    except (ValueError, OSError):
        return "damaged"


def is_running(lock: Path = LOCK) -> bool:
    """Whether a Snakemake works in this folder."""
    if not lock.exists():
        return False
    if (held := try_lock(lock)) is None:
        return True
    held.close()
    return False
