# The figures of one run; the numbers of all runs in one table; comparisons of runs.
METRICS = expand(f"{RUN}/metrics.json", run=RUNS)


rule draw:
    input:
        metrics=f"{RUN}/metrics.json",
        history=f"{RUN}/history.csv",
        snapshots=f"{RUN}/snapshots.npz",
        arrays=f"{RUN}/arrays.npz",
    output:
        report(
            directory(f"{RUN}/figures"),
            patterns=["{figure}.png", "{figure}.svg", "{figure}.gif"],
            caption="../report/run.rst",
            category="Runs",
            subcategory="{run}",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{RUN}/logs/draw.log",
    group:
        group_of
    conda:
        "../../environment.yml"
    params:
        source=stage_source("draw").digest,
        run=subpath(input.metrics, parent=True),
    shell:
        "nets draw --run-dir={params.run:q} 2>&1 | tee {log:q} >&2"


rule collect:
    input:
        metrics=METRICS,
        repeated=REPEATED,
        runs=f"{RESULTS}/runs.txt",
    output:
        report(
            f"{RESULTS}/metrics.csv",
            caption="../report/metrics.rst",
            category="Tables",
        ),
    log:
        f"{RESULTS}/logs/collect.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=stage_source("collect").digest,
        results=subpath(input.runs, parent=True),
    shell:
        "nets collect --results={params.results:q} --runs-from={input.runs:q} --output={output:q} 2>&1 | tee {log:q} >&2"


rule compare:
    input:
        metrics=METRICS,
        repeated=REPEATED,
        runs=f"{RESULTS}/runs.txt",
        published=lambda wildcards: PUBLISHED,  # a path as it is, with no wildcards in it
        lessons=lambda wildcards: LESSONS,
    output:
        f"{RESULTS}/summary.json",
        report(
            directory(f"{RESULTS}/tables"),
            patterns=["{table}.html"],
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        report(
            directory(f"{RESULTS}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/comparison.rst",
            category="Comparisons",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{RESULTS}/logs/compare.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=stage_source("compare").digest,
        results=subpath(input.runs, parent=True),
    shell:
        "nets compare --results={params.results:q} --runs-from={input.runs:q}"
        " --published={input.published:q} --lessons={input.lessons:q} 2>&1 | tee {log:q} >&2"
