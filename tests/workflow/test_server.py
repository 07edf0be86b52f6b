"""The jobs of a suite are forked by Snakemake's server, and are the same jobs."""

import csv
import os
import signal
from pathlib import Path

from nets.suite.keys import recorded
from tests.workflow.conftest import Project
from tests.workflow.test_killed import wait_for

NETWORK = """
import os, sys, torch
from torch import nn

with open("told.txt", "a") as file:
    parent = open(f"/proc/{os.getppid()}/cmdline").read()
    main = sys.modules["__main__"].__file__
    print("nets.jobs.serve" in parent, main == sys.argv[0], "mlflow" in sys.modules, torch.initial_seed(), file=file)


class Net(nn.Module):
    def __init__(self, image_size, num_classes):
        super().__init__()
        self.layer = nn.Linear(image_size**2, num_classes)

    def forward(self, x):
        return self.layer(x.flatten(1))
"""
MODELS = "net: {title: Net, task: classification, citation: none, networks: {classifier: {class: told_network.Net}}}\n"
SEEDS = "model\tdataset\trecipe\tseeds\toverrides\nnet\tmnist5k\tmlp\t0-1\tepochs={epochs}\n"


def own_network(folder: Path, epochs: int) -> Project:
    project = Project(folder)
    (project.watch / "told_network.py").write_text(NETWORK)  # on PYTHONPATH
    (project.work / "models.yaml").write_text(MODELS)
    project.table.write_text(SEEDS.format(epochs=epochs))
    return project


def test_jobs_are_forked_and_import_the_users_code_themselves(tmp_path, monkeypatch):
    monkeypatch.setenv("PS1", "(.venv) ")  # as in an activated environment; a shell that runs a command drops it
    project = own_network(tmp_path, 1)
    wanted = [f"results/tiny/runs/net-mnist5k-s{seed}/metrics.json" for seed in (0, 1)]
    result = project.snakemake("--config", "table=tiny.tsv", "--", *wanted)
    assert result.returncode == 0, result.stdout
    trial, *told = [line.split() for line in (project.work / "told.txt").read_text().splitlines()]
    assert trial[0] == "False"  # the networks of a user's table are tried before the server starts
    assert [line[:3] for line in told] == [["True", "True", "False"]] * 4, told
    assert len({line[3] for line in told}) == 4  # random generators begin anew in each process


def test_without_the_server_the_bits_are_the_same(finished, tmp_path, monkeypatch):
    project = Project(tmp_path)
    monkeypatch.setenv("NETS_SERVER", "off")
    runs = ("lenet5-mnist5k-s0", "dcgan-mnist5k-s0")
    result = project.snakemake(
        "--config", "table=tiny.tsv", "--", *(f"results/tiny/runs/{run}/metrics.json" for run in runs)
    )
    assert result.returncode == 0, result.stdout
    for run in runs:
        here, there = (each.work / "results/tiny/runs" / run for each in (project, finished))
        for name in ("model.safetensors", "metrics.json", "snapshots.npz", "config.json"):
            assert (here / name).read_bytes() == (there / name).read_bytes(), name
        assert recorded(here)["train"] == recorded(there)["train"]
        assert losses(here) == losses(there)


def losses(run: Path) -> list[dict[str, str]]:
    with open(run / "history.csv") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_ctrl_c_saves_what_is_trained_and_leaves_no_process(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    project = own_network(tmp_path, 10_000)
    process = project.start()
    runs = project.work / "results/tiny/runs"
    wait_for(process, lambda: bool(list(runs.glob("*/logs/train.log"))))
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "Stopped after" in output
    assert list(runs.glob("*/checkpoints/*.pt"))
    assert not list(tmp_path.glob("nets-slots-*/server-*"))
