# Training: one rule for every kind of network.


rule train:
    input:
        data=data_of("learning"),
        pretrained=of_run(paths.start_of),
        extractor=of_run(paths.watching_of),
    output:
        config=f"{RUN}/config.json",
        manifest=f"{RUN}/manifest.json",
        history=f"{RUN}/history.csv",
        weights=f"{RUN}/model.safetensors",
        snapshots=f"{RUN}/snapshots.npz",
    log:
        f"{RUN}/logs/train.log",
    group:
        group_of
    conda:
        "../../environment.yml"
    threads: config.get("threads", 1)
    resources:
        gpu=1,
    params:
        source=source_of("train"),
        description=lambda wildcards: RUNS[wildcards.run].digest[:12],
        run=subpath(output.config, parent=True),
        data=lambda wildcards, input: os.path.dirname(input.data[0]),
        runs=DESCRIPTIONS,
    shell:
        "nets train --run-dir={params.run:q} --runs-from={params.runs:q} --data-dir={params.data:q}"
        " --pretrained {input.pretrained:q} --extractor {input.extractor:q} --threads {threads} --log={log:q}"
