"""Who may import what (ARCHITECTURE.md)."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from nets.suite.catalogues import ROOT

TABLES = ("metrics.metric", "tasks.kinds", "training.schedules")  # these need no torch
ALLOWED = {  # by package: the parts of nets that it may import
    "models": {"models"},
    "metrics": {"metrics", "errors"},
    "data": {"data", "errors", "files", "trust"},
    "suite": {"suite", *TABLES, "data.entries", "data.sources", "run", "optimizers", "errors", "files", "trust"},
    "machine": {"machine", "errors", "files", "trust"},
    "tasks": {"tasks", "models", "metrics", "data", "run", "optimizers", "errors", "trust"},
    "fidelity": {"fidelity", "tasks", "metrics", "data", "run", "errors", "files", "trust"},
    "training": {
        *("training", "fidelity", "machine", "data", "suite.keys", "run", "errors", "files", "trust"),
        *("tasks.contract", "tasks.precision", "tasks.task_class"),  # but no task
    },
    "evaluation": {
        *("training", "suite.keys", "fidelity", "metrics", "machine", "data", "run", "errors", "files", "trust"),
        *("tasks.contract", "tasks.precision", "tasks.kinds", "tasks.task_class", "anatomy"),
    },
    "anatomy": {"tasks", "files"},
    "reporting": {
        "reporting",
        "metrics.metric",
        "tasks.kinds",
        "fidelity.passport",
        "suite.published",
        "suite.lessons",
        "suite.failures",
        *("load", "trained"),  # by a model of MLflow, when somebody asks it
        "run",
        "errors",
        "files",
        "trust",
    },
    "planning": {"planning", "suite", "machine", "run", "errors", "files", "trust"},
    "record": {"record", "reporting", "suite", "metrics.metric", "tasks.kinds", "run", "errors", "files", "trust"},
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_know_only_what_they_may(package):
    for path in sorted((ROOT / "nets").glob(f"{package}.py")) or (ROOT / "nets" / package).rglob("*.py"):
        for name in imported(path):
            if name.startswith("nets."):
                ours = name.removeprefix("nets.")
                assert any(f"{ours}.".startswith(f"{known}.") for known in ALLOWED[package]), f"{path} imports {name}"


@pytest.mark.parametrize("module", ["nets.reporting.glossary", "nets.suite.expansion", "nets.suite.published"])
def test_tables_of_metrics_and_tasks_are_read_without_torch(module):
    script = f"import sys, {module}; print(*{{'torch', 'numpy', 'pandas'}} & sys.modules.keys())"
    read = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert read.stdout.split() == []


@pytest.mark.parametrize("package", ["reporting", "record", "suite", "planning", "files", "run"])
def test_what_reads_results_or_tables_needs_no_torch(package):
    files = [*(ROOT / "nets" / package).rglob("*.py"), *(ROOT / "nets").glob(f"{package}.py")]
    for path in files:
        assert not any(re.match(r"torch\b|torchvision\b", name) for name in imported(path)), path
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    script = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_the_package_does_not_know_snakemake_and_the_workflow_does_not_train():
    for path in (ROOT / "nets").rglob("*.py"):
        assert not any(name.startswith("snakemake") for name in imported(path)), path
    for path in (ROOT / "workflow").rglob("*.smk"):
        assert not re.search(r"import torch|nets\.(tasks|models)", re.sub(r'f?"[^"]*"', "", path.read_text())), path


def test_conda_gives_the_versions_of_the_lock():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lock = set(re.findall(r"^([a-z0-9-]+==[^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.M))
    assert set(conda) <= lock
    assert {line.split("==")[0] for line in conda} == {re.split(r"[<>=]", line)[0] for line in project}


def test_every_rule_names_the_environment():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.M)[1:]:
            assert 'conda:\n        "../../environment.yml"' in rule, f"{path}: {rule.splitlines()[0]}"


def test_the_machine_decides_no_number():
    for path in (ROOT / "nets/machine").glob("*.py"):
        decides = re.search(r"torch\.(set_|use_deterministic|manual_seed|random|backends)\w*", path.read_text())
        assert decides is None, f"{path}: {decides[0]}"
