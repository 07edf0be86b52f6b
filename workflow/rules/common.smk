# The suite: its runs, and where their files are.
from nets.suite.catalogues import load_catalogues
from nets.suite.expansion import load_runs
from nets.suite.settings import find_table, job_environment
from nets.errors import UserError
from nets.files import check_writable
from nets.suite.lessons import check_rows, find_lessons, load_lessons
from nets.suite.published import find_published, load_published
from nets.run import read_runs, write_runs
from nets.suite import paths
from nets.suite.keys import (
    check_findable,
    data_source,
    run_source,
    stage_source,
)
from nets.machine.environment import module_path, settle
from nets.machine.slots import count_slots
from nets.trust import redacted, refuse_links

settle()
try:
    TABLE = find_table(config)
    os.environ.update(job_environment(config, TABLE))
    RESULTS = paths.results_of(TABLE)
    RUN = paths.run_folder(RESULTS, "{run}")
    for folder in (RESULTS, paths.DATA, paths.WEIGHTS, paths.FEATURES):
        check_writable(Path(folder))
        if not workflow.remote_exec:  # each job looks at its own folder
            refuse_links(Path(folder))
    WEIGHTS = load_catalogues(TABLE.parent)["weights"]
    # Jobs read the runs that Snakemake wrote when it started, so the table may be edited meanwhile. A pod that has only
    # its own folder reads the table.
    DESCRIPTIONS = Path(RESULTS, "runs.jsonl")
    started = workflow.remote_exec and DESCRIPTIONS.exists()
    loaded = read_runs(DESCRIPTIONS) if started else load_runs(TABLE)
    RUNS = {run.name: run for run in loaded}
    if workflow.remote_exec and not started:
        write_runs(RUNS.values(), DESCRIPTIONS)
    check_findable(n.module for run in RUNS.values() for n in run.networks.values())
    PUBLISHED = find_published(TABLE)
    load_published(PUBLISHED)
    PUBLISHED = local(str(PUBLISHED))
    LESSONS = find_lessons(TABLE)
    check_rows(load_lessons(LESSONS), LESSONS, TABLE, RUNS)
    LESSONS = local(str(LESSONS))
    # On one machine, and inside a cluster job, the devices there are the limit; the cluster counts its own.
    if workflow.remote_exec or workflow.resource_settings.nodes is None:
        workflow.global_resources.setdefault(
            "gpu", count_slots(workflow.resource_settings.cores or 1)
        )
except UserError as error:
    # If the error were raised, Snakemake would print it with lines of this file.
    sys.exit(redacted(str(error)))

DATASETS = {run.dataset: run.data for run in RUNS.values()}
EXTRACTORS = {
    run.dataset: run.fidelity["indomain"] for run in RUNS.values() if run.fidelity
}
SOURCES = {*EXTRACTORS.values()} | {
    run.pretrained["name"] for run in RUNS.values() if run.pretrained
}

SAMPLES = {  # the numbers of images that the generators of a data set draw
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
    """The kind of cluster job that a run's stages form; the profile says how many runs share a job of each kind.

    On one machine there is none. Runs that others wait for are a kind of their own, so that no group waits for itself.
    """
    run = RUNS[wildcards.run]
    if workflow.resource_settings.nodes is None:
        return None
    if run.name in SOURCES:
        return "source"
    return "generated" if run.fidelity else "transferred" if run.pretrained else "plain"


def data_of(*parts):
    """The prepared data that a run reads: their description, and the given parts."""
    return lambda wildcards: paths.prepared(RUNS[wildcards.run].dataset, *parts)


def of_run(function):
    """An input function, made from a function of `nets.suite.paths` that lists files of a run."""
    return lambda wildcards: function(RESULTS, RUNS[wildcards.run])


def source_of(stage):
    """A short hash of the source of a run's training or evaluation; `make why RUN=name` tells what has changed."""
    return lambda wildcards: run_source(stage, RUNS[wildcards.run]).digest


def begin():
    """Write what jobs read, try the networks of a user's table, and start the server that forks jobs."""
    write_runs(RUNS.values(), DESCRIPTIONS)
    own = not TABLE.resolve().is_relative_to(PROJECT.resolve() / "config")
    manifests = (Path(paths.run_folder(RESULTS, run), "manifest.json") for run in RUNS)
    new = not all(manifest.exists() for manifest in manifests)
    if own and new and not CONDA and not workflow.remote_exec:
        command = [sys.executable, "-P", "-m", "nets.jobs.fit", f"--results={RESULTS}"]
        environment = os.environ | {"PYTHONPATH": module_path()}
        if subprocess.run(command, env=environment).returncode:
            sys.exit(1)
    start_server()


def report_the_rest():
    """Compare and report the runs that have ended, although a job has failed; those without metrics are holes."""
    words = [f"--results={RESULTS}", f"--runs-from={RESULTS}/runs.txt"]
    outputs = {
        "collect": [f"--output={RESULTS}/metrics.csv"],
        "compare": [f"--published={PUBLISHED}", f"--lessons={LESSONS}"],
        "report": [f"--output={RESULTS}/report.html"],
    }
    for job, more in outputs.items():
        command = [sys.executable, "-P", "-m", f"nets.jobs.{job}", *words, *more]
        environment = os.environ | {"PYTHONPATH": module_path()}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"{job}: {done.stderr.strip()}", file=sys.stderr)
            return
    print(f"The report without them: {RESULTS}/report.html", file=sys.stderr)
