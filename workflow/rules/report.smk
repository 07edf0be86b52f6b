# What people read: the page, and MLflow. A run's figures are made last, so depending on them covers all of its files.
FIGURES = expand(f"{RUN}/figures", run=RUNS)
SERVER = os.environ.get("MLFLOW_TRACKING_URI")
TRACKED = f"{RESULTS}/mlflow.done" if SERVER else f"{RESULTS}/mlflow.db"


def report_the_rest():
    """Compare and report the runs that have ended, although a job has failed; those without metrics are holes."""
    words = [f"--results={RESULTS}", f"--runs-from={RESULTS}/runs.txt"]
    outputs = {
        "collect": [f"--output={RESULTS}/metrics.csv"],
        "compare": [f"--published={PUBLISHED}"],
        "report": [f"--output={RESULTS}/report.html"],
    }
    for job, more in outputs.items():
        command = [sys.executable, "-m", f"nets.jobs.{job}", *words, *more]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[:2])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"{job}: {done.stderr.strip()}", file=sys.stderr)
            return
    print(f"The report without them: {RESULTS}/report.html", file=sys.stderr)


rule report:
    input:
        figures=FIGURES,
        comparison=[f"{RESULTS}/tables", f"{RESULTS}/figures"],
        runs=f"{RESULTS}/runs.txt",
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=stage_source("report").digest,
        results=subpath(input.runs, parent=True),
    shell:
        "{PYTHON} -m nets.jobs.report --results={params.results:q} --runs-from={input.runs:q} --output={output:q} 2>&1 | tee {log:q} >&2"


rule track:
    input:
        figures=FIGURES,
        runs=f"{RESULTS}/runs.txt",
    output:
        touch(TRACKED) if SERVER else update(TRACKED),
    log:
        f"{RESULTS}/logs/track.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=stage_source("track").digest,
        results=subpath(input.runs, parent=True),
        server=hashlib.sha256((SERVER or "").encode()).hexdigest()[:12],  # addresses may hold passwords
    shell:
        "{PYTHON} -m nets.jobs.track --results={params.results:q} --runs-from={input.runs:q} 2>&1 | tee {log:q} >&2"
