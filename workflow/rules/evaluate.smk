# Measurement on test data, and what it needs: published weights, and features of real images.
REPEATED = paths.repeated(RESULTS, RUNS.values(), config.get("test_every_epoch", False))


rule weights:
    output:
        paths.fetched("{weights}"),
    log:
        f"{paths.WEIGHTS}/{{weights}}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        entry=lambda wildcards: WEIGHTS[wildcards.weights],
    shell:
        "nets weights --weights={wildcards.weights:q} --output={output:q} 2>&1 | tee {log:q} >&2"


rule fetch:
    input:
        sorted(file for dataset in DATASETS for file in paths.prepared(dataset)),
        paths.fetched_for(RUNS.values()),
    log:
        f"{RESULTS}/logs/fetch.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "nets fetch {input:q} 2>&1 | tee {log:q} >&2"


REFERENCE = paths.reference(RESULTS, "{dataset}", "{extractor}")


rule reference:
    input:
        data=paths.prepared("{dataset}", "learning", "test"),
        weights=lambda wildcards: paths.extractor_of(
            RESULTS, EXTRACTORS[wildcards.dataset], wildcards.extractor
        ),
    output:
        reference=f"{REFERENCE}/reference.json",
        features=f"{REFERENCE}/features.npy",
        training=f"{REFERENCE}/training.npy",
    log:
        f"{REFERENCE}/reference.log",
    wildcard_constraints:
        extractor="indomain|inception",
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
    params:
        source=stage_source("reference").digest,
        folder=subpath(output.reference, parent=True),
        data=lambda wildcards, input: os.path.dirname(input.data[0]),
        samples=lambda wildcards: SAMPLES[wildcards.dataset],
        cache=paths.FEATURES,
    shell:
        "nets reference --data-dir={params.data:q} --extractor={input.weights:q}"
        " --samples {params.samples:q} --cache={params.cache:q} --output={params.folder:q} 2>&1 | tee {log:q} >&2"


rule evaluate:
    input:
        data=data_of("learning", "test"),
        config=f"{RUN}/config.json",
        manifest=f"{RUN}/manifest.json",
        weights=f"{RUN}/model.safetensors",
        references=of_run(paths.references_of),
    output:
        metrics=f"{RUN}/metrics.json",
        arrays=f"{RUN}/arrays.npz",
    log:
        f"{RUN}/logs/evaluate.log",
    priority: 2  # before other runs are trained: a person waits for the first numbers
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
        data=lambda wildcards, input: os.path.dirname(input.data[0]),
    shell:
        "nets evaluate --run-dir={params.run:q} --data-dir={params.data:q}"
        " --references {input.references:q} --threads {threads} 2>&1 | tee {log:q} >&2"


rule repeat:
    input:
        data=data_of("learning", "test"),
        config=f"{RUN}/config.json",
        manifest=f"{RUN}/manifest.json",
        weights=f"{RUN}/model.safetensors",
        pretrained=of_run(paths.start_of),
    output:
        f"{RUN}/{paths.REPEATED}",
    log:
        f"{RUN}/logs/repeat.log",
    conda:
        "../../environment.yml"
    threads: config.get("threads", 1)
    resources:
        gpu=1,
    params:
        source=source_of("repeat"),
        run=subpath(input.config, parent=True),
        data=lambda wildcards, input: os.path.dirname(input.data[0]),
    shell:
        "nets repeat --run-dir={params.run:q} --data-dir={params.data:q}"
        " --pretrained {input.pretrained:q} --threads {threads} 2>&1 | tee {log:q} >&2"
