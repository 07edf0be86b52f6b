"""A schedule is that of a list scheduler: checked by hand, against bounds, and against a second way to compute it."""

import random

import pytest

from nets.planning.simulation import Job, simulate


def test_jobs_that_wait_for_nothing_fill_the_slots():
    jobs = [Job(str(number), 10.0, slot=True) for number in range(5)]
    assert simulate(jobs, slots=2, cores=4).seconds == 30
    assert simulate(jobs, slots=5, cores=5).seconds == 10
    assert simulate(jobs, slots=5, cores=1).seconds == 50, "cores limit them too"


def test_a_job_waits_for_those_that_it_needs():
    jobs = [Job("a", 5), Job("b", 3, ("a",)), Job("c", 4, ("a", "b", "not there")), Job("d", 1)]
    end = simulate(jobs, slots=1, cores=2)
    assert end.ends == {"a": 5, "b": 8, "c": 12, "d": 1}


def test_of_those_that_could_start_the_highest_priority_does():
    jobs = [Job("first", 1, slot=True), Job("low", 1, slot=True), Job("high", 1, slot=True, priority=2)]
    assert simulate(jobs, slots=1, cores=1).ends == {"high": 1, "first": 2, "low": 3}


def test_jobs_without_a_slot_run_beside_a_full_device():
    jobs = [Job("train", 10, slot=True), Job("next", 10, slot=True), Job("draw", 3)]
    assert simulate(jobs, slots=1, cores=2).ends == {"train": 10, "draw": 3, "next": 20}


def test_memory_counts_what_runs_at_once():
    jobs = [Job("a", 2, memory=100), Job("b", 1, memory=300), Job("c", 1, ("b",), memory=50)]
    assert simulate(jobs, slots=1, cores=2).peak_memory == 400


def test_a_circle_is_told():
    with pytest.raises(ValueError, match="circle"):
        simulate([Job("a", 1, ("b",)), Job("b", 1, ("a",))], 1, 1)


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_keeps_the_bounds_of_list_scheduling(seed):
    """Graham (1969): at most twice as long as the work on all slots and the longest chain allow, and never shorter."""
    dice, slots = random.Random(seed), random.Random(seed).randint(1, 4)
    jobs: list[Job] = []
    chains: dict[str, float] = {}
    for number in range(dice.randint(1, 40)):
        after = tuple(dice.sample([job.name for job in jobs], dice.randint(0, min(2, len(jobs)))))
        job = Job(str(number), dice.uniform(0.1, 9), after, slot=True, priority=dice.randint(0, 2))
        chains[job.name] = job.seconds + max((chains[name] for name in after), default=0)
        jobs.append(job)
    end = simulate(jobs, slots, slots)
    least = max(sum(job.seconds for job in jobs) / slots, *chains.values())
    assert least - 1e-9 <= end.seconds <= 2 * least
    starts = {job.name: end.ends[job.name] - job.seconds for job in jobs}
    assert all(starts[job.name] >= end.ends[name] - 1e-9 for job in jobs for name in job.after)
    for moment in end.ends.values():
        assert sum(starts[job.name] < moment - 1e-9 and end.ends[job.name] >= moment - 1e-9 for job in jobs) <= slots
