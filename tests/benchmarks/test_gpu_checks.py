"""The checks of a GPU, on the CPU: NumPy and torch are enough; they pass, notice what is wrong, and keep their time."""

import json
import subprocess
import sys
import time

import pytest
import torch
import yaml

from benchmarks.gpu import arithmetic, checks, runs
from benchmarks.gpu.bench import Bench, must
from nets.suite.catalogues import ROOT
from nets.tasks.contract import Task

ABSENT = (
    "jinja2 jsonschema matplotlib mlflow mlxtend pandas PIL safetensors scipy snakemake torch_fidelity torchvision yaml"
)
START = f"""
import importlib.abc, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT.split()!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {ABSENT.split()!r} else find(name, *more)
runpy.run_module("benchmarks.gpu.checks", run_name="__main__", alter_sys=True)
"""
SOME = ["runs/lenet5", "runs/joint", "risks/operations", "risks/random", "risks/kinds", "risks/counts", "risks/peak"]


def test_some_pass_on_the_cpu_with_numpy_and_torch_alone(tmp_path):
    command = [
        sys.executable,
        "-c",
        START,
        "--pretend",
        "--out",
        str(tmp_path / "out"),
        "--minutes",
        "9",
        "--only",
        *SOME,
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    machine, *rows = map(json.loads, (tmp_path / "out/checks.jsonl").read_text().splitlines())
    assert machine["pretend"] and machine["machine"]["device"] == "cpu"
    assert {row["status"] for row in rows} == {"passed"} and len(rows) == len(SOME)
    assert rows[0]["facts"]["share_of_tolerance"] == 0 and rows[0]["facts"]["metrics"]["top1"] >= 0
    assert f"{len(SOME)} of {len(SOME)} checks passed; 0 were not begun." in ended.stdout


def test_measurement_in_mixed_precision_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(Task, "autocast", lambda task: task.precision.autocast(task.device))
    place = Bench(torch.device("cpu"), tmp_path, pretend=True)
    status, sentence, _ = checks.run_check(checks.check_measured_in_float32, place)
    assert (status, sentence) == ("failed", "resnet20 is measured in mixed precision.")


def test_an_operation_that_is_not_deterministic_is_noticed(tmp_path, monkeypatch):
    noisy = torch.nn.Dropout(0.5)
    noisy.forward = lambda x: x + torch.rand(1, generator=torch.Generator().manual_seed(time.perf_counter_ns()))
    refused = torch.nn.Identity()

    def refuse(x):
        raise RuntimeError("it does not have a deterministic implementation")

    refused.forward = refuse
    wrong = {"noise": ((2, 3), lambda: noisy), "refusal": ((2, 3), lambda: refused)}
    monkeypatch.setattr(arithmetic, "OPERATIONS", wrong)
    status, sentence, _ = checks.run_check(checks.check_operations, Bench(torch.device("cpu"), tmp_path))
    assert status == "failed" and "noise differs from itself in" in sentence
    assert "refusal raises it does not have a deterministic implementation" in sentence


def test_what_has_ended_is_written_when_the_time_is_over(tmp_path, monkeypatch, capsys):
    def fail(place):
        must(False, "It is wrong.")

    monkeypatch.setattr(
        checks,
        "CHECKS",
        {"good": lambda place: {}, "bad": fail, "broken": lambda place: 1 / 0, "slow": wait, "late": fail},
    )
    assert checks.main(["--pretend", "--out", str(tmp_path / "out"), "--minutes", "0.02"]) == 1
    rows = [json.loads(line) for line in (tmp_path / "out/checks.jsonl").read_text().splitlines()[1:]]
    assert [row["status"] for row in rows] == ["passed", "failed", "error", "cut off"]
    assert rows[1]["sentence"] == "It is wrong." and "ZeroDivisionError" in rows[2]["facts"]["trace"]
    assert "1 of 5 checks passed; 1 were not begun." in capsys.readouterr().out


def wait(place):
    time.sleep(60)


def test_metrics_may_differ_by_two_images_and_by_float32_alone():
    def entry(metric, value, passport=None):
        return {"metric": metric, "value": value, "passport": passport}

    def within(*entries):
        apart, allowed = runs.difference(*entries, count=100)
        return apart <= allowed

    assert within(entry("top1", 52.0), entry("top1", 50.0)) and not within(entry("top1", 53.0), entry("top1", 50.0))
    assert within(entry("nll", 1.0001), entry("nll", 1.0)) and not within(entry("nll", 1.002), entry("nll", 1.0))
    assert within(entry("nll", None), entry("nll", None)) and not within(entry("nll", None), entry("nll", 1.0))


def test_every_class_of_the_catalogue_takes_its_steps():
    catalogue = yaml.safe_load((ROOT / "config/models.yaml").read_text())
    named = {network["class"] for model in catalogue.values() for network in model["networks"].values()}
    known = {f"nets.models.{path}" for _, _, paths, _ in runs.NETWORKS for path in paths.split()}
    assert named <= known, "add them to NETWORKS in benchmarks/gpu/runs.py"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--only", "nothing"], "No check's name begins with nothing"), ([], "torch finds no GPU here")],
)
def test_mistakes_are_said_in_a_sentence(words, sentence, tmp_path):
    if not words and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SystemExit, match=sentence):
        checks.main(["--out", str(tmp_path), *words])
