# Descriptions of runs, and data sets as arrays.
LEARNING = ("learning-images.npy", "learning-labels.npy", "train.npy", "validation.npy")
TEST = ("test-images.npy", "test-labels.npy", "test.npy")


# On a cluster these run where Snakemake does: they take seconds, or need the network.
localrules:
    describe,
    gather,
    list_runs,
    fetch,
    collect,
    compare,
    report,
    track,


rule describe:
    output:
        f"{RESULTS}/runs/{{run}}/config.json",
    log:
        f"{RESULTS}/runs/{{run}}/logs/describe.log",
    conda:
        "../../environment.yml"
    params:
        description=lambda wildcards: RUNS[wildcards.run].to_json(),
    shell:
        "printf '%s\\n' {params.description:q} > {output} 2> {log}"


rule list_runs:
    input:
        local(str(TABLE)),
    output:
        f"{RESULTS}/runs.txt",
    log:
        f"{RESULTS}/logs/list_runs.log",
    conda:
        "../../environment.yml"
    params:
        runs=len(RUNS),
    shell:
        "python -m nets.jobs.plan --table {input} --names {output} 2>&1 | tee {log} >&2"


rule prepare:
    output:
        info="results/data/{dataset}/dataset.json",
        arrays=expand("results/data/{{dataset}}/{file}", file=LEARNING + TEST),
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
