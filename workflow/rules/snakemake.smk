# What this project changes in Snakemake itself, all of it, each with its reason. Written for Snakemake 9.27.1.
import contextlib
import gc
import itertools
import queue
from collections.abc import MutableSet

from snakemake import workflow as engine
from snakemake.common import __version__ as snakemake_version
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.types import ExecutionSettings

from nets.errors import UserError
from nets.machine import attempts
from nets.machine.locks import drop_stale
from nets.suite.changes import stale

# A large plan keeps millions of live objects; garbage collection at the default rate costs a sixth of planning time.
gc.set_threshold(100_000, 50, 100)


def prepare_dag(*words, first=workflow._prepare_dag, **named):
    """Remove the locks that a killed Snakemake left, before Snakemake looks at them; a dry run removes nothing."""
    global at_work  # this process's own lock
    try:
        if not workflow.dryrun:
            at_work = drop_stale(Path(".snakemake"))
            attempts.forget()
        # Of results that were copied without .snakemake, only the notes in their folders tell what has changed.
        settings, notes = workflow.dag_settings, Path(".snakemake/metadata")
        outdated = stale(RESULTS, RUNS.values(), notes)
        if settings.targets and set(settings.targets) != {"all"}:
            outdated = set(outdated) & set(settings.targets)
        settings.forcerun = {*settings.forcerun, *outdated}
    except UserError as error:
        sys.exit(str(error))
    return first(*words, **named)


# Only now does Snakemake know whether this is a dry run.
if workflow.is_main_process:
    attempts.begin()
    workflow._prepare_dag = prepare_dag

# Users want to see which steps are done, not a line for every choice of Snakemake's scheduler.
SCHEDULER = ("Select jobs to execute", "Execute ", "Finished jobid")
logger.addFilter(lambda record: not record.getMessage().startswith(SCHEDULER))

# Runs that share a cluster job do not share a failure. Snakemake 9.27 passes --keep-going to no job, reads no profile
# there, and creates its settings only after it has read this file.
if workflow.remote_exec:
    ExecutionSettings.keep_going = property(lambda _: True, lambda *_: None)

# The scheduler. Snakemake's own works ever longer for each job: docs/snakemake.md says why, and gives the numbers.
KNOWN = ("9.27.1",)  # where the methods that are replaced below were read
# Of the jobs of a rule that could start, one pass looks at this many.
OFFERED = 32


class Wake:
    """What the scheduler waits for: any number of calls cause one pass, and so does the end of `delay` (seconds).

    It takes the place of a semaphore, which causes one pass per call, and of a thread per delay.
    """

    def __init__(self):
        self.calls = queue.SimpleQueue()  # a handler of signals may put into it
        self.delay = None

    def release(self):
        self.calls.put(None)

    def acquire(self):
        delay, self.delay = self.delay, None
        with contextlib.suppress(queue.Empty):
            self.calls.get(timeout=delay)
            while True:
                self.calls.get_nowait()


class ReadyJobs(MutableSet):
    """The jobs that could start, in the order in which they came; those of each rule, or kind of group, in a queue."""

    def __init__(self, jobs=()):
        self.queues = {}
        self.update(jobs)

    def queue_of(self, job):
        name = job.groupid if job.is_group() else job.rule.name
        return self.queues.setdefault(name, {})

    def __contains__(self, job):
        return job in self.queue_of(job)

    def __iter__(self):
        return itertools.chain.from_iterable(self.queues.values())

    def __len__(self):
        return sum(map(len, self.queues.values()))

    def add(self, job):
        self.queue_of(job)[job] = None

    def update(self, jobs):
        for job in jobs:
            self.add(job)

    def discard(self, job):
        self.queue_of(job).pop(job, None)

    def first(self, number):
        """That many jobs of each queue."""
        return [
            job
            for jobs in self.queues.values()
            for job in itertools.islice(jobs, number)
        ]


class Remaining:
    """The jobs that have not ended, listed only when somebody asks: the greedy choice of jobs never does."""

    def __init__(self, jobs):
        self.jobs = jobs

    def __iter__(self):
        return iter(self.jobs())

    def __bool__(self):
        return bool(self.jobs())


class Scheduler(JobScheduler):
    """Snakemake's scheduler, where the cost of a pass does not depend on the number of jobs, and nothing starts a timer."""

    def __init__(self, *words, **named):
        super().__init__(*words, **named)
        self._open_jobs = Wake()
        self._open_jobs.release()
        self.workflow.dag._ready_jobs = ReadyJobs(self.workflow.dag._ready_jobs)

    @property
    def open_jobs(self):
        if self.dryrun:
            return super().open_jobs
        return self.workflow.dag.ready_jobs.first(OFFERED)

    @property
    def remaining_jobs(self):
        return Remaining(lambda: super(Scheduler, self).remaining_jobs)

    def job_selector(self, jobs):
        selected = super().job_selector(jobs)
        # If all that were offered of a rule start, there may be room for more of them.
        if len(selected) >= OFFERED:
            self._open_jobs.release()
        return selected

    async def update_input_sizes(self, jobs):
        """Ask for the size of a file when a job that reads it is first offered, and not again in each pass."""
        paths = {path for job in jobs for path in job.input}
        for path in paths.difference(self._input_sizes):
            self._input_sizes[path] = await path.size() if await path.exists() else None
        if len(self._input_sizes) > 10_000:
            self._input_sizes = {path: self._input_sizes[path] for path in paths}

    def _schedule_reevalutation(self, delay):
        """Only where no end of a job may cause the next pass: the limit of jobs per time span is used up, or a rule waits
        for the input of a queue."""
        limiter = self.job_rate_limiter
        if self.workflow.dag.has_unfinished_queue_input_jobs() or not (
            limiter and limiter.get_free_jobs()
        ):
            self._open_jobs.delay = delay


if snakemake_version in KNOWN:
    engine.JobScheduler = Scheduler
elif workflow.is_main_process:
    print(
        f"Snakemake {snakemake_version} is not known to nets: its scheduler stays as it is, slow for large tables.",
        file=sys.stderr,
    )
