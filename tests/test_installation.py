"""nets is used from a checkout: an attempt to install it ends with one sentence that says so."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from nets.suite.catalogues import ROOT


def test_every_place_names_the_same_pythons():
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest, ended = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", supported).groups()
    assert f"python {supported}\n" in (ROOT / "environment.yml").read_text()
    assert f"not (3, {oldest}) <= sys.version_info < (3, {ended})" in (ROOT / "Makefile").read_text()
    words = [f"3.{minor}" for minor in range(int(oldest), int(ended))]
    sentence = f"Python {', '.join(words[:-1])} or {words[-1]}"
    assert sentence in (ROOT / "README.md").read_text() and sentence in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_another_python_is_refused_before_anything_is_installed(version, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    python = tmp_path / "python"
    code = "import sys; sys.version_info = ({}, 0); exec(sys.argv[1])".format(version.replace(".", ", "))
    python.write_text(f"#!/bin/sh\nshift\nexec {sys.executable} -c '{code}' \"$@\"\n")
    python.chmod(0o755)
    command = ["make", f"PYTHON={python}", ".venv/ready"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode != 0
    assert "nets needs Python 3.11, 3.12 or 3.13" in result.stderr
    assert not (tmp_path / ".venv").exists()


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
