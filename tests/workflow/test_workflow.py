"""The workflow itself: what it plans, that it runs, and what an edit reruns."""

import csv
import html
import json
import re
import shutil

import pytest

from nets.data.prepared import images_sha256, read_info
from nets.jobs import retry, summary

RUNS = 5 + 1  # those of the table, and the extractor of mnist5k


def rules(jobs):
    totals = {}
    for (rule, _), count in jobs.items():
        totals[rule] = totals.get(rule, 0) + count
    return totals


def test_the_plan_of_an_empty_folder(project):
    if (project.work / "results").exists():
        pytest.skip("the project has run already")
    assert rules(project.planned()) == {
        **dict.fromkeys(("train", "evaluate", "draw"), RUNS),
        **dict.fromkeys(("list_runs", "weights", "collect", "compare", "report", "track", "all"), 1),
        "prepare": 2,
        "reference": 2,
    }


def test_the_first_numbers_come_before_the_last_training(project):
    """Runs are evaluated before others are trained, and all data are prepared first."""
    result = project.run("-n", "--forceall", "--quiet", "host")
    blocks = re.split(r"\n(?=(?:local)?rule )", result.stdout)
    found = {re.match(r"(?:local)?rule (\w+)", block)[1]: "priority: " in block and block for block in blocks[1:]}
    of = {name: int(re.search(r"priority: (\d+)", block)[1]) if block else 0 for name, block in found.items()}
    assert of["evaluate"] > of["prepare"] > of["train"] == of["draw"] == 0


def test_a_small_run_leaves_everything(finished):
    results = finished.work / "results/tiny"
    for name in ("report.html", "mlflow.db", "metrics.csv", "tables/classification-mnist5k.csv"):
        assert (results / name).stat().st_size > 0
    for name in ("config.json", "manifest.json", "history.csv", "model.safetensors", "metrics.json", "figures"):
        assert (results / "runs/lenet5-mnist5k-s0" / name).exists()
    assert not list((results / "runs").glob("*/checkpoints/*.pt"))


def test_offline_nobody_is_spoken_to(finished):
    """The whole suite ran with NETS_OFFLINE=1, and as root without any network."""
    assert not finished.calls.exists(), finished.calls.read_text()


def test_what_is_here_and_what_is_not(finished):
    result = finished.snakemake("--config", "table=tiny.tsv", "--", "fetch")
    assert "mnist5k    here" in result.stdout
    assert "cifar10    CIFAR-10 is not here" in result.stdout
    assert "inception  weights-inception" in result.stdout
    assert "2 of 3 are missing." in result.stdout


def test_the_numbers_are_tidy(finished):
    with open(finished.work / "results/tiny/metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("run", "model", "dataset", "task", "variant", "seed", "status", "split", "metric", "value"),
        *("direction", "class"),
    ]
    values = {(row["run"], row["metric"]): row["value"] for row in rows}
    assert float(values["lenet5-mnist5k-s0", "top1"]) > 60
    assert float(values["dcgan-mnist5k-s0", "fid_indomain"]) > 0
    with open(finished.work / "results/tiny/runs/dcgan-mnist5k-s0/history.csv") as file:
        assert float(next(csv.DictReader(file))["validation/fid_indomain"]) > 0
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["run"], set()).add(row["split"])
    assert splits["lenet5-mnist5k-s0"] == splits["dcgan-mnist5k-s0"] == {"test"}
    assert splits["conv_autoencoder-mnist5k-s0"] == {"train", "test"}


def test_data_that_cannot_be_had_are_a_hole_in_their_own_rows(finished):
    runs = finished.work / "results/tiny/runs"
    hole = json.loads((runs / "lenet5-cifar10-s0/metrics.json").read_text())
    assert hole["status"] == "no_data"
    assert "CIFAR-10" in hole["reason"]
    assert hole["retry"] == "make run RETRY=1 TABLE=tiny.tsv"
    assert json.loads((runs / "lenet5-mnist5k-s0/metrics.json").read_text())["status"] == "ok"
    assert hole["reason"] in html.unescape((finished.work / "results/tiny/report.html").read_text())


def test_weights_that_cannot_be_had_are_a_hole_in_their_own_column(finished):
    metrics = json.loads((finished.work / "results/tiny/runs/dcgan-mnist5k-s0/metrics.json").read_text())["metrics"]
    by_name = {metric["metric"]: metric for metric in metrics}
    assert by_name["fid_inception"]["value"] is None
    assert "NETS_OFFLINE forbids the download" in by_name["fid_inception"]["reason"]
    passport = by_name["fid_indomain"]["passport"]
    extractor = finished.work / "results/tiny/runs/lenet5-mnist5k-extractor-s0/manifest.json"
    weights = json.loads(extractor.read_text())["weights"]["best"]
    assert passport["extractor"]["weights_sha256"] == weights["sha256"]
    assert passport["samples"] == 200
    images = passport["reference"].pop("images_sha256")
    assert passport["reference"] == {"split": "test", "count": 1000, "resolution": 28}
    assert images == images_sha256(read_info(finished.work / "results/data/mnist5k"), "test")
    assert (finished.work / "results/features").is_dir()
    assert passport["indicative"]


def test_a_second_run_does_nothing_and_says_so(finished):
    result = finished.run()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout


def test_the_same_table_by_another_name_is_the_same(finished):
    result = finished.snakemake("-n", "--config", f"table={finished.table}")
    assert "Nothing to be done" in result.stdout, result.stdout


def test_mlflow_goes_elsewhere_after_the_fact(finished, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert set(finished.planned()) == {("track", None), ("all", None)}


def test_a_deleted_database_is_built_again(finished):
    database = finished.work / "results/tiny/mlflow.db"
    kept = database.rename(database.with_suffix(".kept"))
    assert set(finished.planned()) == {("track", None), ("all", None)}
    kept.rename(database)


def test_an_edited_row_reruns_itself_alone(finished, edit):
    edit(finished.table, "epochs=1 model.widths", "epochs=2 model.widths")
    jobs = finished.planned()
    assert {run for rule, run in jobs if run} == {"conv_autoencoder-mnist5k-s0"}
    assert jobs["train", "conv_autoencoder-mnist5k-s0"] == 1


def test_a_seed_more_trains_that_seed_alone(finished, edit):
    edit(finished.table, "0-1", "0-2")
    assert {run for rule, run in finished.planned() if rule == "train"} == {"lenet5-mnist5k-s2"}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("runs/conv_autoencoder-mnist5k-s0/model.safetensors", "train"),
        ("runs/conv_autoencoder-mnist5k-s0/snapshots.npz", "train"),
        ("runs/conv_autoencoder-mnist5k-s0/arrays.npz", "evaluate"),
        ("runs/conv_autoencoder-mnist5k-s0/figures", "draw"),
        ("tables", "compare"),
        ("report", "report"),
        ("runs.txt", "list_runs"),
    ],
)
def test_a_deleted_result_is_noticed(finished, name, rule):
    path = finished.work / "results/tiny" / name
    kept = path.rename(path.with_name("kept"))
    run = path.parent.name if name.startswith("runs/") else None
    try:
        assert finished.planned()[rule, run] == 1
    finally:
        kept.rename(path)


def test_the_last_lines_name_the_holes_and_the_report(finished, capsys):
    assert summary.main(["--results", str(finished.work / "results/tiny")]) == 0
    *table, first, hole, last = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["task", "data", "set", "model", "result"] and any("MSE" in line for line in table)
    assert first == f"1 of {RUNS} runs are holes; make run RETRY=1 TABLE=tiny.tsv tries them again:"
    assert hole.startswith("  lenet5-cifar10-s0  no_data: CIFAR-10 is not here")
    assert last.endswith("results/tiny/report.html")


def test_holes_are_tried_again(finished):
    copy = finished.work.parent / "again"
    shutil.copytree(finished.work, copy)
    assert retry.main(["--results", str(copy / "results/tiny")]) == 0
    result = finished.snakemake("-n", "--quiet", "host", "--directory", str(copy), "--config", "table=tiny.tsv")
    again = set(re.findall(r"rule (train|prepare|weights|evaluate):", result.stdout))
    assert again == {"train", "prepare", "weights", "evaluate"}, result.stdout
    trained = re.findall(r"rule train:.*?run=([\w.-]+)", result.stdout, re.S)
    assert set(trained) == {"lenet5-cifar10-s0"}


def test_snakemakes_own_report(finished):
    result = finished.run("--report", "own.html")
    assert result.returncode == 0, result.stdout
    page = (finished.work / "own.html").read_text()
    assert "from the lowest to the highest seed" in page


def test_lint(project):
    result = project.snakemake("--lint")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["suit=quick"], "unknown setting 'suit'; did you mean 'suite'"),
        (["suite=quik"], "unknown suite; did you mean 'quick'"),
        (["table=nothere.tsv"], "the table can't be read (No such file or directory)"),
        (["table=my table.tsv"], "the table's name becomes a folder's"),
        (["table=data.tsv"], "results/data/ holds files that suites share"),
        (["slots_per_gpu=1.5"], "slots_per_gpu=1.5: set a whole number above 0"),
        (["suite=quick", "table=tiny.tsv"], "table and suite exclude each other"),
        (["table="], "--config table= is empty"),
        (["time_limit=-5"], "time_limit=-5: set a number above 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence(project, settings, expected):
    result = project.snakemake("-n", "--config", *settings)
    assert result.returncode != 0
    assert expected in result.stdout
    assert "Traceback" not in result.stdout


def test_a_mistake_in_the_table_stops_before_anything_runs(project):
    (project.work / "bad.tsv").write_text("model\tdataset\trecipe\tseeds\nlenet5\tmnist5k\tlenet6\t0\n")
    result = project.snakemake("--config", "table=bad.tsv")
    assert result.returncode != 0
    assert "bad.tsv, line 2: unknown recipe 'lenet6'; did you mean 'lenet5'?" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (project.work / "results/bad").exists()


MINE = """from torch import nn

class Mine(nn.Module):
    def __init__(self, image_size, num_classes, hidden):
        super().__init__()
        hidden_layer = nn.Linear(image_size**2, hidden)
        self.layers = nn.Sequential(nn.Flatten(), hidden_layer, nn.ReLU(), nn.Linear(hidden, num_classes))

    def forward(self, x):
        return self.layers(x)
"""
ENTRY = """mine:
  title: Mine
  task: classification
  citation: none
  networks:
    classifier: {class: my_networks.Mine, args: {hidden: 32}}
"""


def test_a_network_of_ones_own_takes_one_entry(project):
    folder = project.work / "own"
    folder.mkdir()
    (folder / "own.tsv").write_text(
        "model\tdataset\trecipe\tseeds\toverrides\nmine\tmnist5k\tmlp\t0\tepochs=2 model.hidden=64\n"
    )
    (folder / "models.yaml").write_text(ENTRY)
    arguments = ["--directory", str(folder), "--config", "table=own.tsv"]
    result = project.snakemake("-n", *arguments)
    assert "Python finds no module 'my_networks'" in result.stdout
    assert "Traceback" not in result.stdout
    (project.watch / "my_networks.py").write_text(MINE)  # on PYTHONPATH
    result = project.snakemake(*arguments, "--", "results/own/runs/mine-mnist5k-s0/metrics.json")
    assert result.returncode == 0, result.stdout
    metrics = json.loads((folder / "results/own/runs/mine-mnist5k-s0/metrics.json").read_text())["metrics"]
    assert metrics[0]["value"] > 80
