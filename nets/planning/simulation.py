"""When the jobs of a workflow end, if they start as Snakemake starts them: a list-scheduling simulation."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple


@dataclass(frozen=True)
class Job:
    """A job of the workflow."""

    name: str
    seconds: float
    after: tuple[str, ...] = ()  # the jobs that must have ended; names of jobs that are not there are ignored
    slot: bool = False  # whether it takes a slot of a device
    priority: int = 0  # of jobs that could start, those of the highest priority do, in the order given
    cores: int = 1
    memory: float = 0.0  # MiB


class End(NamedTuple):
    """What a simulation found."""

    seconds: float  # until the last job has ended
    peak_memory: float  # MiB of the jobs that run at once, at most
    ends: dict[str, float]  # by job


@dataclass
class Queue:
    """Jobs that could start, the first ones first."""

    waiting: list[tuple[int, int, Job]] = field(default_factory=list)

    def push(self, job: Job, at: int) -> None:
        """Add a job; `at` is its place in the order given."""
        heapq.heappush(self.waiting, (-job.priority, at, job))


def simulate(jobs: Sequence[Job], slots: int, cores: int) -> End:
    """When each job ends, if at most `slots` of those with a slot run at once, and all together on `cores`.

    Raises ValueError if jobs wait for each other in a circle.
    """
    places = {job.name: at for at, job in enumerate(jobs)}
    needs = {job.name: len({name for name in job.after if name in places}) for job in jobs}
    followers: dict[str, list[Job]] = {}
    for job in jobs:
        for name in {name for name in job.after if name in places}:
            followers.setdefault(name, []).append(job)
    queues = {True: Queue(), False: Queue()}
    for job in jobs:
        if not needs[job.name]:
            queues[job.slot].push(job, places[job.name])
    free = {True: slots, False: cores}  # slots, cores
    running: list[tuple[float, int, Job]] = []
    ends: dict[str, float] = {}
    order, now, memory, peak = count(), 0.0, 0.0, 0.0

    def best() -> Queue | None:
        fit = [
            queue
            for slot, queue in queues.items()
            if queue.waiting and min(queue.waiting[0][2].cores, cores) <= free[False] and (free[True] > 0 or not slot)
        ]
        return min(fit, key=lambda queue: queue.waiting[0][:2], default=None)

    while True:
        while queue := best():
            _, _, job = heapq.heappop(queue.waiting)
            free[False] -= min(job.cores, cores)
            free[True] -= job.slot
            memory += job.memory
            peak = max(peak, memory)
            heapq.heappush(running, (now + job.seconds, next(order), job))
        if not running:
            break
        now, _, job = heapq.heappop(running)
        ends[job.name] = now
        free[False] += min(job.cores, cores)
        free[True] += job.slot
        memory -= job.memory
        for follower in followers.get(job.name, ()):
            needs[follower.name] -= 1
            if not needs[follower.name]:
                queues[follower.slot].push(follower, places[follower.name])
    if len(ends) < len(jobs):
        raise ValueError("jobs wait for each other in a circle")
    return End(now, peak, ends)
