# The names of all runs, and data sets as arrays.


rule list_runs:
    output:
        f"{RESULTS}/runs.txt",
    log:
        f"{RESULTS}/logs/list_runs.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        runs=hashlib.sha256(" ".join(RUNS).encode()).hexdigest(),
        descriptions=DESCRIPTIONS,
    shell:
        "python -m nets.jobs.plan --runs-from {params.descriptions} --names {output} 2>&1 | tee {log} >&2"


rule prepare:
    output:
        info="results/data/{dataset}/dataset.json",
        learning=directory("results/data/{dataset}/learning"),
        test=directory("results/data/{dataset}/test"),
    log:
        "results/data/{dataset}/prepare.log",
    conda:
        "../../environment.yml"
    threads: 2
    params:
        source=fingerprint(("nets.jobs.prepare",)),
        entry=lambda wildcards: json.dumps(
            {k: v for k, v in DATASETS[wildcards.dataset].items() if k != "extractor"}
        ),
    shell:
        "python -m nets.jobs.prepare --dataset {wildcards.dataset} --entry <(printf '%s' {params.entry:q})"
        " --output $(dirname {output.info}) 2>&1 | tee {log} >&2"
