"""The revision that a run records is that of its own source."""

import os
import shutil
import subprocess

import pytest

from nets.machine import provenance


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the project's one file inside a repository of somebody else."""
    project = tmp_path / "theirs/nets"
    (project / "nets/machine").mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(project / "nets/machine/provenance.py"))
    commit(tmp_path / "theirs")
    return project


def commit(folder):
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@y"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_a_copy_in_another_repository_has_none(copy):
    assert provenance.revision() is None


def test_a_checkout_has_its_own(copy, monkeypatch):
    head = commit(copy)
    assert provenance.revision() == head
    monkeypatch.setenv("GIT_DIR", str(copy.parent / ".git"))  # as git sets it for its hooks
    assert provenance.revision() == head
    shutil.rmtree(copy / ".git")
    assert provenance.revision() is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_checkout_of_another_user_has_its_own(copy):
    head = commit(copy)
    for path in (copy, copy / ".git"):
        os.chown(path, 12345, 12345)
    refused = subprocess.run(["git", "-C", str(copy), "rev-parse", "HEAD"], capture_output=True, text=True)
    assert "dubious ownership" in refused.stderr
    assert provenance.revision() == head
