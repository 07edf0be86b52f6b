"""The profiles for clusters: each is read, and plans the same work as this machine would do."""

import re

import pytest
import yaml

from nets.suite.catalogues import ROOT

PROFILES = ("slurm", "generic", "kubernetes")


def planned(project, profile):
    arguments = ("--workflow-profile", str(project.folder / "profiles" / profile), "--directory", "cluster")
    found = project.snakemake("-n", *arguments, "--config", f"table={project.table}")
    assert found.returncode == 0, found.stdout
    assert f"Using workflow specific profile {project.folder}/profiles/{profile}" in found.stdout
    return dict(re.findall(r"^(\w+) +(\d+)$", found.stdout, re.M))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_cluster_gets_the_work_of_one_machine(project, profile):
    jobs = planned(project, profile)
    assert jobs["train"] == "6"
    assert jobs == planned(project, "default")


@pytest.mark.parametrize("profile", PROFILES)
def test_what_all_clusters_need(profile):
    found = yaml.safe_load((ROOT / f"profiles/{profile}/config.yaml").read_text())
    assert found["retries"] >= 1 and found["keep-going"] and found["rerun-incomplete"]
    assert (found["resources"], found["set-resource-scopes"]) == (["gpu=1"], "gpu=local")
    groups = {"plain", "generated"}
    assert {item.split("=")[0] for item in found["group-components"]} == groups
    rules = (ROOT / "workflow/rules/common.smk").read_text()
    assert all(f'"{group}"' in rules for group in groups)


def test_no_rule_retries_by_itself():
    """Each Snakemake inside a cluster job would do so as well."""
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        assert "retries:" not in path.read_text()
