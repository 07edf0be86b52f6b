# Training: the one rule for every kind of network.


rule train:
    input:
        arrays=data_of(*LEARNING),
        data=info_of,
        config=f"{RESULTS}/runs/{{run}}/config.json",
        pretrained=pretrained_of,
        extractor=watching_of,
    output:
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
        run=subpath(input.config, parent=True),
        data=subpath(input.data, parent=True),
        extractor=lambda wildcards, input: (
            f"--extractor {input.extractor}" if input.extractor else ""
        ),
    shell:
        "python -m nets.jobs.train --run-dir {params.run} --data-dir {params.data}"
        " --pretrained {input.pretrained} {params.extractor} --threads {threads} --log {log}"
