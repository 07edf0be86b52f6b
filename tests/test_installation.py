"""nets is used from a checkout: an attempt to install it ends with one sentence that says so."""

import shutil
import subprocess
import sys

import pytest

from nets.suite.catalogues import ROOT


@pytest.mark.parametrize("words", [("wheel", "."), ("install", "--target", "there", "."), ("install", "-e", ".")])
def test_no_package_is_built(words, tmp_path):
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").touch()
    command = [sys.executable, "-m", "pip", *words, "--no-deps", "--no-index", "--disable-pip-version-check"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert "nets is used from a checkout" in result.stderr and "say `make run` there" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("*.whl"))
