"""A run that fails: a mistake is tried once, a kill is tried again, and the report of the others is made anyway."""

import html
import json

from tests.workflow.conftest import Project

NETWORKS = """
import os, signal
from pathlib import Path
from torch import nn


class Linear(nn.Module):
    def __init__(self, image_size, num_classes):
        super().__init__()
        self.layer = nn.Linear(image_size**2, num_classes)

    def forward(self, x):
        if self.training and len(x) > 2:
            self.trained()
        return self.layer(x.flatten(1))


class Wrong(Linear):
    def trained(self):
        with open("wrong.txt", "a") as file:
            file.write("tried ")
        raise RuntimeError("the shapes of my layers do not match")


class Killed(Linear):
    def trained(self):
        if not Path("killed.txt").exists():
            Path("killed.txt").touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""
MODELS = "".join(
    f"{name.lower()}: {{title: {name}, task: classification, citation: none, "
    f"networks: {{classifier: {{class: own_networks.{name}}}}}}}\n"
    for name in ("Wrong", "Killed")
)
ROWS = "wrong\tmnist5k\tmlp\t0\tepochs=1\nkilled\tmnist5k\tmlp\t0\tepochs=1\n"


def test_a_mistake_is_tried_once_and_a_kill_again_and_the_report_tells(tmp_path):
    project = Project(tmp_path)
    (project.watch / "own_networks.py").write_text(NETWORKS)  # on PYTHONPATH
    (project.work / "models.yaml").write_text(MODELS)
    project.table.write_text(f"model\tdataset\trecipe\tseeds\toverrides\n{ROWS}")
    result = project.run()
    assert result.returncode == 1, result.stdout
    assert (project.work / "wrong.txt").read_text().split() == ["tried"], result.stdout
    assert "train wrong-mnist5k-s0: RuntimeError: the shapes of my layers do not match" in result.stdout
    assert (project.work / "killed.txt").exists()
    runs = project.work / "results/tiny/runs"
    assert json.loads((runs / "killed-mnist5k-s0/metrics.json").read_text())["status"] == "ok"
    page = html.unescape((project.work / "results/tiny/report.html").read_text())
    assert "It has no result: RuntimeError: the shapes of my layers do not match" in page
    assert (project.work / "results/tiny/tables/classification-mnist5k.csv").exists()
    again = project.run()  # the user starts it again: it is tried again
    assert again.returncode == 1
    assert (project.work / "wrong.txt").read_text().split() == ["tried", "tried"]


def test_a_network_that_does_not_fit_is_told_once_before_anything_trains(tmp_path):
    project = Project(tmp_path)
    entry = "{title: Own, task: classification, citation: none, networks: {classifier: {class: torch.nn.Flatten}}}"
    (project.work / "models.yaml").write_text(f"own: {entry}\n")
    project.table.write_text("model\tdataset\trecipe\tseeds\nown\tmnist5k\tmlp\t0-2\nlenet5\tmnist5k\tlenet5\t0\n")
    result = project.run()
    assert result.returncode == 1
    said = "own-mnist5k-s0 (and 2 more like it): torch.nn.Flatten makes (2, 784) of a batch of two; its task needs the"
    assert result.stdout.count(said) == result.stdout.count("torch.nn.Flatten") == 1, result.stdout
    assert result.stdout.rstrip().endswith("shape (2, 10).")
    assert not list((project.work / "results/tiny").rglob("manifest.json"))
    project.table.write_text("model\tdataset\trecipe\tseeds\nown\tmnist5k\tmlp\t0-2\n")
    assert project.snakemake("-n", "--config", "table=tiny.tsv").returncode == 0  # a dry run imports no network
