# What people read: the report, and MLflow. A run's figures are made last, so depending on them covers all of its files.
FIGURES = expand(f"{RUN}/figures", run=RUNS)
SERVER = os.environ.get("MLFLOW_TRACKING_URI")
TRACKED = f"{RESULTS}/mlflow.done" if SERVER else f"{RESULTS}/mlflow.db"


rule report:
    input:
        figures=FIGURES,
        comparison=[f"{RESULTS}/tables", f"{RESULTS}/figures"],
        runs=f"{RESULTS}/runs.txt",
    output:
        page=f"{RESULTS}/report.html",
        parts=directory(f"{RESULTS}/report"),
    log:
        f"{RESULTS}/logs/report.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=stage_source("report").digest,
        results=subpath(input.runs, parent=True),
    shell:
        "nets report --results={params.results:q} --runs-from={input.runs:q} --output={output.page:q} 2>&1 | tee {log:q} >&2"


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
        server=hashlib.sha256(redacted(SERVER or "").encode()).hexdigest()[:12],  # without its password
    shell:
        "nets track --results={params.results:q} --runs-from={input.runs:q} 2>&1 | tee {log:q} >&2"
