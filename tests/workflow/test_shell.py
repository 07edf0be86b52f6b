"""Names and paths are no commands: whatever they hold, they reach a job, and no shell, as they are."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nets.suite.catalogues import ROOT
from nets.suite.settings import job_environment
from tests.workflow.conftest import Project

ODD = "it's a $HOME & näts"
HOLE = "model\tdataset\trecipe\tseeds\nlenet5\tcifar10\tlenet5\t0\n"  # without its data: every job runs, none for long


def commands():
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.M)[1:]:
            if match := re.search(r"^    shell:\n((?:        .*\n)+)", rule, re.M):
                yield rule.split(":")[0], match[1]


def test_every_rule_quotes_what_it_hands_to_the_shell():
    found = dict(commands())
    assert {"train", "evaluate", "prepare", "report"} <= found.keys()
    for rule, command in found.items():
        fields = set(re.findall(r"\{([^}]*)\}", command))
        assert {field for field in fields if not field.endswith(":q")} <= {"threads"}, rule


def test_every_rule_runs_the_python_of_snakemake():
    for rule, command in commands():
        assert command.strip().startswith(f'"nets {rule.replace("list_runs", "plan")} '), rule


def test_a_suite_in_a_folder_with_an_odd_name_without_an_activated_environment(tmp_path):
    (tmp_path / ODD).mkdir()
    project = Project(tmp_path / ODD)
    (project.work / "-x #1").mkdir()
    (project.work / "-x #1/tiny.tsv").write_text(HOLE)
    python = Path(sys.executable).parent
    path = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != python)
    table = "table=|2-\n  -x #1/tiny.tsv"
    result = project.snakemake("--retries", "0", "--config", table, before=("env", f"PATH={path}"))
    assert result.returncode == 0, result.stdout
    hole = json.loads((project.work / "results/tiny/runs/lenet5-cifar10-s0/metrics.json").read_text())
    assert hole["retry"] == "make run RETRY=1 TABLE='-x #1/tiny.tsv'"
    assert (project.work / "results/tiny/report.html").exists()


def test_a_checkout_where_neither_python_nor_snakemake_finds_it_is_refused(tmp_path):
    (tmp_path / "a{b}").mkdir()
    result = Project(tmp_path / "a{b}").run("-n")
    assert result.returncode == 1
    assert "nets can't run from a path with : or { }; move the checkout." in result.stdout


@pytest.mark.parametrize("name", ["it's.tsv", "a b/$x `y`.tsv", "a&b;c.tsv"])
def test_the_command_that_tries_again_is_one_that_a_shell_understands(name):
    words = job_environment({"table": name}, Path(name))["NETS_RETRY"]
    shown = subprocess.run(
        ["bash", "-c", f"make() {{ printf '%s\\n' \"$@\"; }}; {words}"], capture_output=True, text=True
    )
    assert shown.stdout.splitlines() == ["run", "RETRY=1", f"TABLE={name}"]


@pytest.fixture
def made(tmp_path):
    """A function that runs make in a folder with a Makefile and three folders of results."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("my", "my data", "data"):
        (tmp_path / "results" / name).mkdir(parents=True)
    (tmp_path / "results/my/runs.jsonl").touch()
    (tmp_path / "results/my data/runs.jsonl").touch()
    return lambda *words: subprocess.run(["make", *words], cwd=tmp_path, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("word", "left"),
    [
        ("TABLE=my data.tsv", {"my", "my data", "data"}),  # no suite may have that name
        ("TABLE=a b/my.tsv", {"my data", "data"}),
        ("SUITE=my", {"my data", "data"}),
        ("SUITE=", {"my", "my data", "data"}),
        ("SUITE=data", {"my", "my data", "data"}),
        ("TABLE=$(touch x).tsv", {"my", "my data", "data"}),
        ("TABLE=`touch x`;touch x;'.tsv", {"my", "my data", "data"}),
    ],
)
def test_clean_removes_the_results_of_one_suite_or_nothing(made, tmp_path, word, left):
    result = made("clean", word)
    assert {path.name for path in (tmp_path / "results").iterdir()} == left, result.stdout + result.stderr
    assert not (tmp_path / "x").exists()


def test_clean_says_what_it_leaves(made, tmp_path):
    (tmp_path / "results/other").mkdir()
    for word, sentence in (
        ("SUITE=data", "results/data is not the folder of a suite."),
        ("SUITE=other", "results/other holds no suite's results; remove it yourself."),
    ):
        result = made("clean", word)
        assert sentence in result.stderr and result.returncode != 0


def test_a_suite_with_what_a_notebook_and_a_shell_have_left_in_the_environment(tmp_path, monkeypatch):
    project = Project(tmp_path)
    project.table.write_text(HOLE)
    (project.work / "matplotlibrc").write_text("backend: module://matplotlib_inline.backend_inline\n")
    left = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(project.work / "nowhere"),
        "MLFLOW_REGISTRY_URI": "databricks",
        "MLFLOW_EXPERIMENT_NAME": "another",
        "MLFLOW_RUN_ID": "0123",
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "OMP_NUM_THREADS": "64",
        "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
        "MPLCONFIGDIR": "/proc/nowhere",
    }
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    result = project.snakemake("--retries", "0", "--config", "table=tiny.tsv")
    assert result.returncode == 0, result.stdout
    assert (project.work / "results/tiny/report.html").exists()
