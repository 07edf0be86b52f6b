"""The profiles for clusters: each is read, and plans the same work as on one machine."""

import re

import pytest
import yaml

from nets.suite.catalogues import ROOT

PROFILES = ("slurm", "generic", "kubernetes")


def planned(project, profile):
    arguments = ("--workflow-profile", str(project.folder / "profiles" / profile), "--directory", "cluster")
    result = project.snakemake("-n", *arguments, "--config", f"table={project.table}")
    assert result.returncode == 0, result.stdout
    assert f"Using workflow specific profile {project.folder}/profiles/{profile}" in result.stdout
    return dict(re.findall(r"^(\w+) +(\d+)$", result.stdout, re.M))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_cluster_gets_the_work_of_one_machine(project, profile):
    jobs = planned(project, profile)
    assert jobs["train"] == "6"
    assert jobs == planned(project, "default")


@pytest.mark.parametrize("profile", PROFILES)
def test_what_all_clusters_need(profile):
    result = yaml.safe_load((ROOT / f"profiles/{profile}/config.yaml").read_text())
    assert result["retries"] >= 1 and result["keep-going"] and result["rerun-incomplete"]
    assert (result["resources"], result["set-resource-scopes"]) == (["gpu=1"], "gpu=local")
    groups = {"plain", "generated"}
    assert {item.split("=")[0] for item in result["group-components"]} == groups
    rules = (ROOT / "workflow/rules/common.smk").read_text()
    assert all(f'"{group}"' in rules for group in groups)


def test_no_rule_retries_by_itself():
    """Otherwise each Snakemake inside a cluster job would do it too."""
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        assert "retries:" not in path.read_text()
