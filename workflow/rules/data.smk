# The names of all runs, and the data sets as arrays.


rule list_runs:
    output:
        f"{RESULTS}/runs.txt",
    log:
        f"{RESULTS}/logs/list_runs.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        runs=hashlib.sha256(" ".join(RUNS).encode()).hexdigest()[:12],
        descriptions=DESCRIPTIONS,
    shell:
        "nets plan --runs-from={params.descriptions:q} --names={output:q} 2>&1 | tee {log:q} >&2"


rule prepare:
    output:
        info=f"{paths.DATA}/{{dataset}}/dataset.json",
        learning=directory(f"{paths.DATA}/{{dataset}}/learning"),
        test=directory(f"{paths.DATA}/{{dataset}}/test"),
    log:
        f"{paths.DATA}/{{dataset}}/prepare.log",
    priority: 1  # all rows then compete, and the short ones end soon
    conda:
        "../../environment.yml"
    params:
        source=lambda wildcards: data_source(DATASETS[wildcards.dataset]).digest,
        folder=subpath(output.info, parent=True),
        entry=lambda wildcards: json.dumps(
            {k: v for k, v in DATASETS[wildcards.dataset].items() if k != "extractor"}
        ),
    shell:
        "nets prepare --dataset={wildcards.dataset:q} --entry=<(printf '%s' {params.entry:q})"
        " --output={params.folder:q} 2>&1 | tee {log:q} >&2"
