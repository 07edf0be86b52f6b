"""A run that starts from another one, or from fetched weights, waits for it."""

import re

TABLE = """model\tdataset\tvariant\trecipe\tseeds\toverrides
lenet5\tmnist5k_5to9\ttuned\tfine_tuning\t1\taugment.flip=false options.pretrained=lenet5-mnist5k_0to4
resnet50\tcifar10\tfeatures\tfeature_extraction\t0\toptions.pretrained=resnet50_imagenet1k_v1
lenet5\tmnist5k_0to4\t\tlenet5\t0\tepochs=1
"""


def test_sources_come_first(project):
    (project.work / "transfer.tsv").write_text(TABLE)
    result = project.snakemake("-n", "--quiet", "host", "--config", "table=transfer.tsv")
    assert result.returncode == 0, result.stdout
    jobs = [block for block in re.split(r"\n(?=rule )", result.stdout) if block.startswith("rule ")]
    order = [
        re.search(r"output: .*?([\w.-]+/[\w.-]+\.json)", job)[1]
        for job in jobs
        if job.startswith(("rule train", "rule weights"))
    ]
    runs = ("lenet5-mnist5k_0to4-s0", "lenet5-mnist5k_5to9-tuned-s1", "resnet50-cifar10-features-s0")
    source, target, extracted = (order.index(f"{run}/config.json") for run in runs)
    assert source < target
    assert order.index("weights/resnet50_imagenet1k_v1.json") < extracted
    inputs = {job.split("output: ")[0] for job in jobs if job.startswith("rule train")}
    for needed in (f"{runs[0]}/manifest.json", f"{runs[0]}/model.safetensors", "weights/resnet50_imagenet1k_v1.json"):
        assert sum(needed in files for files in inputs) == 1, needed
