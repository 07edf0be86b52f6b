"""A table that is edited during its runs: the next start reads it, not this one."""

import csv
import time

TABLE = """model\tdataset\tvariant\trecipe\tseeds\toverrides
mlp\tmnist5k\t\tmlp\t0\tepochs=2
softmax\tmnist5k\t\tsoftmax\t0\tepochs=2
"""
RUNS = ["mlp-mnist5k-s0", "softmax-mnist5k-s0"]


def test_the_next_start_sees_it(project):
    table, results = project.work / "edited.tsv", project.work / "results/edited"
    table.write_text(TABLE)
    process = project.start("--config", "table=edited.tsv")
    while not (results / "runs.jsonl").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    table.write_text(TABLE.replace("mlp\t0\tepochs=2", "mlp\t0\tepochs=3") + "lenet")  # half a row
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert (results / "runs.txt").read_text().split() == RUNS
    with open(results / "metrics.csv") as file:
        assert sorted({row["run"] for row in csv.DictReader(file)}) == RUNS
    assert "1 cell for 6 columns" in project.snakemake("-n", "--config", "table=edited.tsv").stdout
    table.write_text(table.read_text().removesuffix("lenet"))
    output = project.snakemake("-n", "--quiet", "host", "--config", "table=edited.tsv").stdout
    assert "rule train:" in output and "wildcards: run=mlp-mnist5k-s0" in output, output
    assert "wildcards: run=softmax-mnist5k-s0" not in output
