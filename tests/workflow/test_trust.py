"""A folder of somebody else's: what lies in it is planned and run without a module of it being imported."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nets.jobs import found_last
from nets.suite.catalogues import ROOT

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
SHADOWS = ("jsonschema", "yaml", "numpy", "pandas", "numexpr", "torch", "sitecustomize", "runpy", "nets", "mlflow")
MODELS = """
lenet5:
  {title: Theirs, task: classification, citation: none, networks: {classifier: {class: theirs.deep.net.Net}}}
"""


@pytest.fixture
def work(tmp_path):
    """A working folder with modules that leave a trace when they are imported, and a network on PYTHONPATH."""
    trace = f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__)\n"
    folder = tmp_path / "work"
    (tmp_path / "path/theirs/deep").mkdir(parents=True)
    folder.mkdir()
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(trace)
    for package in ("theirs", "theirs/deep"):
        (tmp_path / "path" / package / "__init__.py").write_text(trace)
    (tmp_path / "path/theirs/deep/net.py").write_text(f"{trace}class Net: ...\n")
    (folder / "my.tsv").write_text(HEADER + "lenet5\tmnist5k\t\tlenet5\t0\tepochs=1\n")
    (folder / "models.yaml").write_text(MODELS)
    (folder / ".snakemake/locks").mkdir(parents=True)
    (folder / ".snakemake/locks/0.output.lock").write_text("")
    return folder


def snakemake(work, *words, path="path"):
    """Start Snakemake as its own command does, with an empty part in PYTHONPATH."""
    environment = os.environ | {"PYTHONPATH": f"{work.parent / path}", "NETS_OFFLINE": "1", "NETS_DATA": "nowhere"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", "--config", "table=my.tsv"]
    return subprocess.run([*command, *words], cwd=work, env=environment, capture_output=True, text=True)


def ran(work):
    trace = work.parent / "ran"
    return trace.read_text() if trace.exists() else ""


def test_a_plan_imports_nothing_of_a_strangers_and_deletes_nothing(work):
    planned = snakemake(work, "-n")
    assert planned.returncode == 0, planned.stderr
    assert "train" in planned.stdout and ran(work) == ""
    assert f"{work}/models.yaml replaces the project's lenet5.\n" in planned.stderr
    assert (work / ".snakemake/locks/0.output.lock").exists()


def test_jobs_import_nothing_from_the_working_folder(work):
    (work / "models.yaml").unlink()
    done = snakemake(work, "--", "results/data/mnist5k/dataset.json", "results/my/runs.txt")
    assert done.returncode == 0, done.stderr
    assert ran(work) == ""


@pytest.mark.parametrize("link", ["results/my/runs/lenet5-mnist5k-s0", "results/data/mnist5k", ".snakemake/locks"])
def test_links_out_of_the_results_stop_before_anything_runs(work, link):
    theirs = work.parent / "theirs"
    theirs.mkdir()
    for name in ("dataset.json", "model.safetensors", "0.output.lock"):
        (theirs / name).write_text("theirs")
    (work / "models.yaml").unlink()
    shutil.rmtree(work / ".snakemake/locks")
    (work / link).parent.mkdir(parents=True, exist_ok=True)
    (work / link).symlink_to(theirs)
    done = snakemake(work, "--", "results/data/mnist5k/dataset.json")
    assert done.returncode == 1 and re.search(rf"{link} is a link", done.stderr), done.stderr
    assert len(list(theirs.iterdir())) == 3


@pytest.mark.parametrize(("named", "found"), [("", False), (".", True), ("{here}", True), (":{here}/other:", False)])
def test_the_working_folder_counts_if_pythonpath_names_it(tmp_path, monkeypatch, named, found):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", named.format(here=tmp_path))
    monkeypatch.setattr(sys, "path", ["", str(ROOT), str(tmp_path), "/usr/lib/python"])
    found_last()
    assert sys.path[-2:] == ["/usr/lib/python", str(ROOT)] and sys.path.count(str(ROOT)) == 1
    assert (str(tmp_path) in sys.path) is found


def test_every_job_of_a_rule_starts_without_the_working_folder():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert '-P -m "nets.jobs.$@"' in rules and '"-P", "-m", f"nets.jobs.{job}"' in rules
    assert '"-P", "-m", module' in (ROOT / "nets/machine/server.py").read_text()  # which forks the others
    assert '"-P", "-m", "nets.jobs.fit"' in rules
    assert rules.count("nets.jobs.") == 3  # no other job is started


@pytest.mark.parametrize("words", ["TABLE=my data.tsv", "SUITE=..", "SUITE=a/../..", "SUITE=data", "TABLE=.tsv"])
def test_make_clean_removes_the_folder_of_a_suite_and_nothing_else(tmp_path, words):
    make = ["make", "--file", str(ROOT / "Makefile"), "--directory", str(tmp_path), "clean"]
    for folder in ("data", "results/my", "results/data", "results/quick"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "results/quick/runs.txt").touch()
    refused = subprocess.run([*make, words], capture_output=True, text=True)
    assert refused.returncode and "is not the folder of a suite." in refused.stderr
    assert subprocess.run(make, capture_output=True).returncode == 0
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["data", "results", "results/data", "results/my"]
