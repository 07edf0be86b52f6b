"""Another workflow uses this one as a module, from a path and from a hosted repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nets.suite.catalogues import ROOT

OTHER = """
module nets:
    snakefile: {snakefile}
    config: {{"table": "two.tsv"}}

use rule * from nets as nets_*

rule summary:
    default_target: True
    input: "results/two/runs.txt"
    output: "summary.txt"
    shell: "cp {{input}} {{output}}"
"""
TABLE = "model\tdataset\tvariant\trecipe\tseeds\toverrides\nsoftmax\tmnist5k\t\tsoftmax\t0-1\tepochs=1\n"


def git(*words: str):
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


@pytest.fixture
def hosted(project, tmp_path) -> dict[str, str]:
    """An environment in which https://github.com/owner/nets is a local repository with this project at the tag v1."""
    repository = tmp_path / "nets"
    shutil.copytree(project.folder, repository)
    for words in (("init",), ("add", "--all"), ("commit", "--quiet", "--message", "all"), ("tag", "v1")):
        git("-C", str(repository), *words)
    (tmp_path / "gitconfig").write_text(f'[url "file://{repository}"]\n  insteadOf = https://github.com/owner/nets\n')
    return {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def run_other(folder: Path, snakefile: str, more: dict[str, str]) -> subprocess.CompletedProcess:
    (folder / "Snakefile").write_text(OTHER.format(snakefile=snakefile))
    (folder / "two.tsv").write_text(TABLE)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | more
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = [sys.executable, "-P", "-m", "snakemake", "--cores", "1"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def check_names(folder: Path, process: subprocess.CompletedProcess):
    assert process.returncode == 0, process.stderr
    assert (folder / "summary.txt").read_text().split() == ["softmax-mnist5k-s0", "softmax-mnist5k-s1"]
    assert "localrule nets_list_runs" in process.stderr


def test_from_a_path(project, tmp_path):
    check_names(tmp_path, run_other(tmp_path, f'"{project.folder}/workflow/Snakefile"', {}))


def test_from_a_hosted_repository(project, hosted, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    check_names(work, run_other(work, 'github("owner/nets", path="workflow/Snakefile", tag="v1")', hosted))


def test_what_the_catalogue_of_workflows_expects():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
    assert (ROOT / "config/README.md").exists() and (ROOT / "workflow/Snakefile").exists()
    assert (ROOT / yaml.safe_load((ROOT / "config/config.yaml").read_text())["table"]).exists()


def test_without_a_name_snakemake_plans_the_whole_workflow(tmp_path):
    table = tmp_path / "one.tsv"
    table.write_text("model\tdataset\tvariant\trecipe\tseeds\toverrides\nsoftmax\tmnist5k\t\tsoftmax\t0\tepochs=1\n")
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--directory", str(tmp_path)]
    planned = subprocess.run([*command, "--config", f"table={table}"], cwd=ROOT, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"^all +1$", planned.stdout, re.M), planned.stdout
