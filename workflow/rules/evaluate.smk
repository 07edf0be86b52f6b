# Measurement on test data, and what it needs: weights that others trained, and features of real images.


rule weights:
    output:
        "results/weights/{weights}.json",
    log:
        "results/weights/{weights}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        entry=lambda wildcards: WEIGHTS[wildcards.weights],
    shell:
        "python -m nets.jobs.weights --weights {wildcards.weights} --output {output} 2>&1 | tee {log} >&2"


rule fetch:
    input:
        sorted(f"results/data/{dataset}/dataset.json" for dataset in DATASETS),
        sorted({file for run in RUNS for file in fetched_for(RUNS[run])}),
    log:
        f"{RESULTS}/logs/fetch.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python -m nets.jobs.fetch {input} 2>&1 | tee {log} >&2"


rule reference:
    input:
        data="results/data/{dataset}/dataset.json",
        arrays=expand("results/data/{{dataset}}/{part}", part=("learning", "test")),
        weights=extractor_of,
    output:
        reference=f"{RESULTS}/fidelity/{{dataset}}-{{extractor}}/reference.json",
        features=f"{RESULTS}/fidelity/{{dataset}}-{{extractor}}/features.npy",
    log:
        f"{RESULTS}/fidelity/{{dataset}}-{{extractor}}/reference.log",
    wildcard_constraints:
        extractor="indomain|inception",
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
    params:
        source=fingerprint(("nets.jobs.reference",)),
        data=subpath(input.data, parent=True),
        folder=subpath(output.reference, parent=True),
        samples=lambda wildcards: SAMPLES[wildcards.dataset],
    shell:
        "python -m nets.jobs.reference --data-dir {params.data} --extractor {input.weights}"
        " --samples {params.samples} --cache results/features --output {params.folder} 2>&1 | tee {log} >&2"


rule evaluate:
    input:
        data=data_of("learning", "test"),
        config=f"{RESULTS}/runs/{{run}}/config.json",
        manifest=f"{RESULTS}/runs/{{run}}/manifest.json",
        weights=f"{RESULTS}/runs/{{run}}/model.safetensors",
        references=references_of,
    output:
        metrics=f"{RESULTS}/runs/{{run}}/metrics.json",
        arrays=f"{RESULTS}/runs/{{run}}/arrays.npz",
    log:
        f"{RESULTS}/runs/{{run}}/logs/evaluate.log",
    group:
        group_of
    conda:
        "../../environment.yml"
    threads: config.get("threads", 1)
    resources:
        gpu=1,
    params:
        source=source_of("evaluate"),
        run=subpath(input.config, parent=True),
    shell:
        "python -m nets.jobs.evaluate --run-dir {params.run} --data-dir $(dirname {input.data[0]})"
        " --references {input.references} --threads {threads} 2>&1 | tee {log} >&2"
