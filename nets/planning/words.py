"""A forecast in words."""

from collections import Counter
from collections.abc import Iterator

from nets.machine.progress import duration
from nets.planning.budget import Chosen
from nets.planning.earlier import ESTIMATED, GUESSED, MEASURED
from nets.planning.forecast import SERVER, STAGES, Forecast, downloads
from nets.run import Run

SOURCES = {
    ESTIMATED: "earlier runs on such a machine",
    MEASURED: "measured steps",
    GUESSED: "guesses from similar runs",
}


def lines(planned: Forecast, shown: bool = True) -> Iterator[str]:
    """A line for each run, and then what all of them take."""
    for run in planned.runs if shown else ():
        epochs = run.recipe.epochs
        words = f"{run.name:50} {epochs:4} epoch{'s' if epochs != 1 else ' '}  {run.recipe.name:24}"
        yield f"{words} {state(planned, run)}"
    kinds = Counter(run.task for run in planned.runs)
    yield f"{counted(planned.runs)}: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}"
    yield from summary(planned)


def state(planned: Forecast, run: Run) -> str:
    """'11 s', or what is done already."""
    done = planned.done[run.name]
    if done >= set(STAGES):
        return "done"
    left = duration(planned.seconds(run))
    guessed = " (a guess)" if planned.costs[run.name].source == GUESSED else ""
    return f"{left}{guessed}" if not done else f"{left} ({', '.join(stage for stage in STAGES if stage in done)} done)"


def summary(planned: Forecast) -> Iterator[str]:
    """What is left to do, how long it takes, and what it needs."""
    yield beginning(planned)
    if not planned.open:
        return
    longest = max(planned.open, key=planned.seconds)
    memory = (planned.end.peak_memory + SERVER) / 1024
    yield f"The longest is {longest.name}, {duration(planned.seconds(longest))}."
    yield f"Memory: {memory:.1f} GB at most. Disk: {size(planned.disk)} more."
    missing = downloads(planned.open)
    yield "Downloads: none are missing." if not missing else "Downloads and files that are missing:"
    yield from (f"  {line}" for line in missing)
    sources = Counter(planned.costs[run.name].source for run in planned.open)
    yield "The times are from " + ", ".join(f"{SOURCES[key]} ({n})" for key, n in sources.items()) + "."


def beginning(planned: Forecast) -> str:
    """What `make run` will do, and for how long."""
    whole, left = planned.whole, planned.open
    if not left:
        return f"All {counted(planned.runs)} are done."
    done = f"{counted(whole)} {'is' if len(whole) == 1 else 'are'} done; " if whole else ""
    work = sum(map(planned.seconds, left))
    times = f"{duration(work)} of work, about {duration(planned.end.seconds)} on {planned.slots} slot"
    return f"{done}{counted(left)} to do: {times}{'s' if planned.slots != 1 else ''}."


def chosen_words(chosen: Chosen, budget: float, table: str) -> Iterator[str]:
    """What fits a budget."""
    rows = Counter(run.name.rpartition("-s")[0] for run in chosen.runs if run.purpose == "benchmark")
    most = max(rows.values())
    yield (
        f"In {duration(budget)}: {counted([run for run in chosen.runs if run.purpose == 'benchmark'])} of {len(rows)} "
        f"row{'s' if len(rows) != 1 else ''}, up to {most} seed{'s' if most != 1 else ''} each, about "
        f"{duration(chosen.seconds)}; {counted(chosen.left_out)} left out."
    )
    yield f"They are in {table}: make run TABLE={table}"


def counted(runs: list[Run]) -> str:
    """'1 run', '2 runs'."""
    return f"{len(runs)} run{'s' if len(runs) != 1 else ''}"


def size(count: float) -> str:
    """Bytes for people: 12 MB, 1.4 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
