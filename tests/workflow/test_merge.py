"""Runs of two machines in one folder: Snakemake reruns nothing of them, and nothing different is mixed."""

import json
import os
import shutil
import subprocess
import sys

import pytest

TABLE = """model\tdataset\tvariant\trecipe\tseeds\toverrides
mlp\tmnist5k\t\tmlp\t{seeds}\tepochs=1
softmax\tmnist5k\t\tsoftmax\t0\tepochs=1
"""


@pytest.fixture(scope="module")
def machines(project):
    """Two working folders of one project: seed 0 of a table ran in the first, seeds 1 and 2 in the second."""
    first = project.work
    second = first.with_name("second")
    second.mkdir()
    for folder, seeds in ((first, "0"), (second, "1-2")):
        (folder / "merged.tsv").write_text(TABLE.format(seeds=seeds))
        project.work = folder
        result = project.snakemake("--config", "table=merged.tsv")
        assert result.returncode == 0, result.stdout
    project.work = first
    (first / "merged.tsv").write_text(TABLE.format(seeds="0-2"))
    return second


def merge(project, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-P", "-m", "nets.jobs.merge", "--table", "merged.tsv", *words]
    environment = os.environ | {"PYTHONPATH": str(project.folder)}
    return subprocess.run(command, cwd=project.work, env=environment, capture_output=True, text=True)


def test_runs_of_another_machine_are_taken_and_nothing_reruns(project, machines):
    results = project.work / "results/merged"
    source = shutil.copytree(machines / "results", project.work.with_name("copied")) / "merged"
    altered = source / "runs/mlp-mnist5k-s2/manifest.json"
    content = altered.read_text()

    note = json.loads((source / "runs/mlp-mnist5k-s1/made_of.json").read_text())
    other = json.loads(json.dumps(note))
    other["train"]["source"]["nets/training/loop.py"] = "00000000"
    (source / "runs/mlp-mnist5k-s1/made_of.json").write_text(json.dumps(other))
    other_data = json.loads((source / "runs/mlp-mnist5k-s2/made_of.json").read_text())
    kept = json.dumps(other_data)
    other_data["train"]["data"]["test/images.npy"] = "ab" * 32
    (source / "runs/mlp-mnist5k-s2/made_of.json").write_text(json.dumps(other_data))
    refused = merge(project, "--source", str(source))
    assert refused.returncode == 1 and "2 runs were refused" in refused.stderr
    assert "mlp-mnist5k-s1: other code made it (nets/training/loop.py has changed)" in refused.stderr
    assert "mlp-mnist5k-s2: it can't stand beside the runs here: the prepared data have changed" in refused.stderr
    assert not (results / "runs/mlp-mnist5k-s1").exists()

    (source / "runs/mlp-mnist5k-s1/made_of.json").write_text(json.dumps(note))
    (source / "runs/mlp-mnist5k-s2/made_of.json").write_text(kept)
    manifest = json.loads(content)
    manifest["weights"]["last"]["sha256"] = "0" * 64
    altered.write_text(json.dumps(manifest))
    assert "is not what its manifest names" in merge(project, "--source", str(source)).stderr
    altered.write_text(content)
    done = merge(project, "--source", str(source), "--into", "results/merged")
    assert done.returncode == 0, done.stderr
    assert "1 runs taken, 2 were here already, 0 refused" in done.stdout and "make run TABLE=merged.tsv" in done.stdout

    planned = project.snakemake("-n", "--quiet", "host", "--config", "table=merged.tsv").stdout
    for stage in ("prepare", "train", "evaluate", "draw"):
        assert f"rule {stage}:" not in planned, planned
    result = project.snakemake("--config", "table=merged.tsv")
    assert (
        result.returncode == 0
        and "Nothing to be done" in project.snakemake("-n", "--config", "table=merged.tsv").stdout
    )
    metrics = (results / "metrics.csv").read_text()
    assert all(f"mlp-mnist5k-s{seed}" in metrics for seed in range(3))

    # The same run with other numbers.
    shutil.rmtree(results / "runs/mlp-mnist5k-s2")
    numbers = source / "runs/mlp-mnist5k-s1/metrics.json"
    edited = json.loads(numbers.read_text())
    edited["metrics"][3]["value"] += 0.5
    numbers.write_text(json.dumps(edited))
    clash = merge(project, "--source", str(source))
    assert "mlp-mnist5k-s1 has other weights or numbers; delete the one that you don't want" in clash.stderr
    (project.work / "merged.tsv").write_text(
        TABLE.format(seeds="0-2").replace("mlp\t0-2\tepochs=1", "mlp\t0-2\tepochs=3")
    )
    assert "it is described otherwise: epochs was 1 and is 3" in merge(project, "--source", str(source)).stderr
    (project.work / "merged.tsv").write_text(TABLE.format(seeds="0"))
    assert "the suite has no such run; add its row and seed" in merge(project, "--source", str(source)).stderr
    shutil.rmtree(source.parent)


def test_the_folder_itself_and_folders_elsewhere_are_refused(project, machines):
    assert "name another one" in merge(project, "--source", "results/merged").stderr
    assert (
        "fills results/merged; name the suite" in merge(project, "--source", "x", "--into", "elsewhere/merged").stderr
    )
    assert "has no results of a suite" in merge(project, "--source", str(machines / "results/data")).stderr
