# The suite: which runs there are, and where their files lie.
import gc

from snakemake.logging import logger
from snakemake.settings.types import ExecutionSettings

from nets.suite.catalogues import load_catalogues
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table, job_environment
from nets.errors import UserError
from nets.files import check_writable
from nets.suite.published import find_published, load_published
from nets.run import read_runs, write_runs
from nets.suite import paths
from nets.suite.keys import (
    check_findable,
    data_source,
    run_source,
    stage_source,
)
from nets.machine.locks import drop_stale
from nets.machine.slots import count_slots

# The objects of a large plan are millions and stay; to look for dead ones as often as usual costs a sixth of its time.
gc.set_threshold(100_000, 50, 100)

try:
    TABLE = find_table(config)
    os.environ.update(job_environment(config, TABLE))
    RESULTS = paths.results_of(TABLE)
    RUN = paths.run_folder(RESULTS, "{run}")
    for folder in (RESULTS, paths.DATA, paths.WEIGHTS, paths.FEATURES):
        check_writable(Path(folder))
    WEIGHTS = load_catalogues(TABLE.parent)["weights"]
    # What Snakemake found when it started, its jobs go by, so a table may be edited meanwhile. A pod has no folder but its own.
    DESCRIPTIONS = Path(RESULTS, "runs.jsonl")
    started = workflow.remote_exec and DESCRIPTIONS.exists()
    found = read_runs(DESCRIPTIONS) if started else load_runs(TABLE)
    RUNS = {run.name: run for run in found}
    if workflow.remote_exec and not started:
        write_runs(RUNS.values(), DESCRIPTIONS)
    check_findable(n.module for run in RUNS.values() for n in run.networks.values())
    PUBLISHED = find_published(TABLE)
    load_published(PUBLISHED)
    PUBLISHED = local(str(PUBLISHED))
    # Where jobs are sent to a cluster, it counts; inside of such a job, its own devices count.
    if workflow.remote_exec or workflow.resource_settings.nodes is None:
        workflow.global_resources.setdefault(
            "gpu", count_slots(workflow.resource_settings.cores or 1)
        )
except UserError as error:
    # Raised, it would come with the places in this file that led to it.
    sys.exit(str(error))

# What a killed Snakemake has locked is in nobody's way.
if workflow.is_main_process:
    at_work = drop_stale(Path(".snakemake"))

# Of Snakemake's own news a person wants the steps done, not a line on each choice that its scheduler makes.
SCHEDULER = ("Select jobs to execute", "Execute ", "Finished jobid")
logger.addFilter(lambda record: not record.getMessage().startswith(SCHEDULER))

# Runs that share a cluster job don't share a failure. Snakemake 9.27 hands --keep-going to no job, reads no profile there,
# and makes its settings only after this file is read.
if workflow.remote_exec:
    ExecutionSettings.keep_going = property(lambda _: True, lambda *_: None)

DATASETS = {run.dataset: run.data for run in RUNS.values()}
EXTRACTORS = {
    run.dataset: run.fidelity["indomain"] for run in RUNS.values() if run.fidelity
}
SOURCES = {*EXTRACTORS.values()} | {
    run.pretrained["name"] for run in RUNS.values() if run.pretrained
}

SAMPLES = {  # how many images the generators of a data set draw
    dataset: sorted(
        {
            run.recipe.options["samples"]
            for run in RUNS.values()
            if run.fidelity and run.dataset == dataset
        }
    )
    for dataset in EXTRACTORS
}


wildcard_constraints:
    run=r"[\w.]+-[\w.]+(-[\w.]+)?-s\d+",
    dataset=r"\w+",
    weights=r"\w+",


def group_of(wildcards):
    """The kind of cluster job that a run's stages form; which kinds several runs share is the profile's to say.

    On one machine there is none. No group waits for itself: what others wait for is a kind of its own.
    """
    run = RUNS[wildcards.run]
    if workflow.resource_settings.nodes is None:
        return None
    if run.name in SOURCES:
        return "source"
    return "generated" if run.fidelity else "transferred" if run.pretrained else "plain"


def data_of(*parts):
    """The prepared data of a run: their description, and the parts that it reads."""
    return lambda wildcards: paths.prepared(RUNS[wildcards.run].dataset, *parts)


def of_run(function):
    """An input function from one of `nets.suite.paths` that says which files a run reads."""
    return lambda wildcards: function(RESULTS, RUNS[wildcards.run])


def source_of(stage):
    """What a run's training or evaluation is made of, as a short hash; `make why RUN=name` tells what changed."""
    return lambda wildcards: run_source(stage, RUNS[wildcards.run]).digest
