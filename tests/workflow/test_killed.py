"""Snakemake itself, killed at random and started again, ends with the same results."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

from tests.workflow.conftest import Project


def wait_for(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
    """Wait for something while Snakemake runs."""
    for _ in range(3000):
        if condition():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    raise TimeoutError


def test_killed_again_and_again(finished, tmp_path):
    project = Project(tmp_path)
    lock = project.work / ".snakemake/locks/0.output.lock"

    def locked() -> bool:
        return lock.exists() and lock.stat().st_mtime > started

    def trained() -> int:
        return len(list(project.work.glob("results/tiny/runs/*/manifest.json")))

    for whole_group in (False, True):
        started, before = time.time(), trained()
        process = project.start()
        wait_for(process, locked)
        second = project.run()  # meanwhile
        wait_for(process, lambda before=before: trained() > before)
        assert second.returncode != 0 and "cannot be locked" in second.stdout
        time.sleep(random.uniform(0, 3))
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:  # its jobs go on, and the next Snakemake waits for them
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    last = project.run()
    assert last.returncode == 0, last.stdout
    for name in ("metrics.csv", "tables/classification-mnist5k.csv"):
        expected = (finished.work / "results/tiny" / name).read_text()
        content = (project.work / "results/tiny" / name).read_text()
        assert content == expected or name.startswith("tables")  # tables contain times
    assert "Nothing to be done" in project.run().stdout
