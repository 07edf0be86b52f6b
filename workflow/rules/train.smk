# Training: the one rule for every kind of network.


rule train:
    input:
        data=data_of("learning"),
        pretrained=pretrained_of,
        extractor=watching_of,
    output:
        config=f"{RESULTS}/runs/{{run}}/config.json",
        manifest=f"{RESULTS}/runs/{{run}}/manifest.json",
        history=f"{RESULTS}/runs/{{run}}/history.csv",
        weights=f"{RESULTS}/runs/{{run}}/model.safetensors",
        snapshots=f"{RESULTS}/runs/{{run}}/snapshots.npz",
    log:
        f"{RESULTS}/runs/{{run}}/logs/train.log",
    group:
        group_of
    conda:
        "../../environment.yml"
    threads: config.get("threads", 1)
    resources:
        gpu=1,
    params:
        source=source_of("train"),
        description=lambda wildcards: RUNS[wildcards.run].digest,
        run=subpath(output.config, parent=True),
        runs=DESCRIPTIONS,
    shell:
        "python -m nets.jobs.train --run-dir {params.run} --runs-from {params.runs} --data-dir $(dirname {input.data[0]})"
        " --pretrained {input.pretrained} --extractor {input.extractor} --threads {threads} --log {log}"
