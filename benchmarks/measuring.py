"""What the benchmarks share: two sides that take turns, their ratio, curves, and the machine.

A side is a function that does its work once and returns its seconds, without what it has prepared before. The ratio of
a round is the CPU time of the other side divided by ours: above 1, ours costs less. CPU time is that of a process and
of its children that have ended, user and system together; other processes on the machine disturb it far less than the
time on the clock. The ratio of a comparison is the median of its rounds.
"""

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]


class Seconds(NamedTuple):
    """What some work has cost."""

    cpu: float
    wall: float


Side = Callable[[], Seconds]


@dataclass(frozen=True)
class Comparison:
    """Two sides that have taken turns."""

    name: str  # "loop: MLP"
    ours: list[Seconds]  # by round
    other: list[Seconds]

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        return [other.cpu / ours.cpu for ours, other in zip(self.ours, self.other, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.ratios)

    @property
    def on_the_clock(self) -> float:
        """The same for the time on the clock."""
        return statistics.median(o.wall / u.wall for u, o in zip(self.ours, self.other, strict=True))

    def summary(self) -> dict[str, Any]:
        """What docs/benchmarks.json keeps: seconds of CPU as minimum and median, ratios as median and extremes."""
        sides = {"ours": [each.cpu for each in self.ours], "other": [each.cpu for each in self.other]}
        seconds = {side: [figure(min(cpu)), figure(statistics.median(cpu))] for side, cpu in sides.items()}
        spread = [figure(min(self.ratios)), figure(max(self.ratios))]
        clock = figure(self.on_the_clock)
        return {"ratio": figure(self.ratio), "spread": spread, "clock": clock, "rounds": len(self.ours)} | seconds


@dataclass(frozen=True)
class Curves:
    """How a cost grows: lines of points in one drawing."""

    title: str
    x: str  # what grows
    y: str  # what it costs
    lines: dict[str, dict[float, float]]  # by label: y by x


@dataclass
class Findings:
    """What a benchmark has measured."""

    other: str = ""  # the other side, in words: "bare loop"
    comparisons: list[Comparison] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    skipped: str = ""  # why there are none, in a sentence


@dataclass(frozen=True)
class Place:
    """Where and how thoroughly a benchmark measures."""

    folder: Path  # for files, deleted afterwards
    quick: bool = False  # a sample of the comparisons, within seconds

    @property
    def rounds(self) -> int:
        """How often each side has its turn."""
        return 3 if self.quick else 5

    def some(self, values: Any, few: int) -> Any:
        """All values, or in a quick measurement the first few."""
        return values[:few] if self.quick else values

    def data(self, name: str) -> Path:
        """The folder of a prepared data set, the one that runs use."""
        from nets.jobs.prepare import prepare_from

        folder = ROOT / "results/data" / name
        if not (folder / "dataset.json").exists():
            say(prepare_from(name, None, ROOT / "config/datasets.yaml", folder).splitlines()[0])
        return folder


def clock(work: Callable[[], object]) -> Seconds:
    """Do some work once; its seconds."""
    cpu, wall = used(), time.perf_counter()
    work()
    return Seconds(used() - cpu, time.perf_counter() - wall)


def used() -> float:
    """Seconds of CPU of this process and of its children that have ended, user and system together."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def compare(name: str, ours: Side, other: Side, rounds: int, warm: bool = True) -> Comparison:
    """Let two sides take turns, each first in every second round; `warm` lets each begin once without being timed."""
    if warm:
        ours(), other()
    found: dict[Side, list[Seconds]] = {ours: [], other: []}
    for number in range(rounds):
        for side in (ours, other) if number % 2 else (other, ours):
            found[side].append(side())
    comparison = Comparison(name, found[ours], found[other])
    low, high = min(comparison.ratios), max(comparison.ratios)
    say(f"{name}: {comparison.ratio:.2f} ({low:.2f} to {high:.2f}; {comparison.on_the_clock:.2f} on the clock)")
    return comparison


def cheapest(work: Callable[[], object], repeats: int = 3) -> float:
    """The least CPU seconds of some work in a few repeats, after one that is not timed."""
    work()
    return min(clock(work).cpu for _ in range(repeats))


def figure(value: float) -> float:
    """A number with three significant digits."""
    return float(f"{value:.3g}")


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)


def describe_machine() -> dict[str, Any]:
    """What decides speed, as far as it is known: processor, cores, system, versions."""
    from nets.machine.provenance import cpu_name, version

    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {"Python": platform.python_version()}
        | {package: version(package) for package in ("torch", "torchvision", "numpy", "snakemake")},
    }


def describe_moment() -> dict[str, Any]:
    """When something is measured: the day, the revision, how many processes wanted a core in the last minute."""
    from nets.machine.provenance import revision

    day = time.strftime("%Y-%m-%d", time.gmtime())
    return {"date": day, "revision": (revision() or "unknown")[:12], "load": round(os.getloadavg()[0], 1)}
