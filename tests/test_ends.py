"""A test that crashes or hangs ends `make test` at once, and is named."""

import shutil
import subprocess
import sys

import pytest

from nets.suite.catalogues import ROOT

FAULTS = {
    "crashes": "os.abort()",
    "hangs": "ctypes.PyDLL(None).sleep(1000)",  # and keeps the interpreter to itself
}


SLOW = """
import time, pytest

@pytest.mark.parametrize("number", range(300))
def test_slow(number):
    time.sleep(1)
"""


@pytest.mark.parametrize("end", FAULTS)
def test_a_worker_that_dies_ends_all(tmp_path, end):
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_bad.py").write_text(f"import ctypes, os\n\ndef test_that_{end}():\n    {FAULTS[end]}\n")
    (tmp_path / "test_slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-o", "faulthandler_timeout=10", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 1
    assert f"A test crashed or hung: test_bad.py::test_that_{end}" in ended.stdout
