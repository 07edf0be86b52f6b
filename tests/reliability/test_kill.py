"""The real command, killed at random moments, ends in the same bits as one that was never killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nets.catalogues import ROOT
from nets.jobs.train import TRY_AGAIN

KINDS = {
    "lenet5": "epochs=6",
    "conv_autoencoder": "epochs=4 model.widths=[4,8]",
    "dcgan": "epochs=2 model.width=4",
    "googlenet": "epochs=1 batch_size=64 model.width=0.0625 ema=0.9 augment.flip=false",
}


def start(folder: Path, digits: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "nets.jobs.train", "--run-dir", str(folder), "--data-dir", str(digits)]
    command += ["--checkpoint-seconds", "0"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def described(run, folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(run.to_json())
    return folder


def finish(folder: Path, digits: Path) -> dict:
    """Run to the end; what it left, without its times."""
    process = start(folder, digits)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    manifest = json.loads((folder / "manifest.json").read_text())
    history = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    seconds = history[0].index("seconds")
    left = {"resumed": manifest["resumed"], "weights": manifest["weights"]}
    left["history"] = [row[:seconds] + row[seconds + 1 :] for row in history]
    left["snapshots"] = (folder / "snapshots.npz").read_bytes()
    assert not list((folder / "checkpoints").glob("*.pt"))
    return left


def wait_for_checkpoints(folder: Path, process: subprocess.Popen, more_than: int) -> int:
    """Wait until the run has gone beyond a step, and return the step of its newest checkpoint."""
    for _ in range(3000):
        steps = [int(path.stem.rsplit("-", 1)[1]) for path in (folder / "checkpoints").glob("*.pt")]
        if steps and max(steps) > more_than:
            return max(steps)
        if process.poll() is not None:
            return -1
        time.sleep(0.01)
    raise TimeoutError(f"{folder} made no checkpoint")


@pytest.mark.parametrize(("kind", "how"), [*((kind, signal.SIGKILL) for kind in KINDS), ("lenet5", signal.SIGTERM)])
def test_killed_and_continued(kind, how, run_of, digits, tmp_path):
    run = run_of(kind, KINDS[kind])
    whole = finish(described(run, tmp_path / "whole"), digits)
    killed = described(run, tmp_path / "killed")
    kills, reached = 0, 0
    for _ in range(2 if how is signal.SIGKILL else 1):
        process = start(killed, digits)
        reached = wait_for_checkpoints(killed, process, reached)
        time.sleep(random.uniform(0, 0.1))
        os.kill(process.pid, how)
        process.communicate()
        kills += process.returncode != 0
        if how is signal.SIGTERM and process.returncode:
            assert process.returncode == TRY_AGAIN
    found = finish(killed, digits) if kills else pytest.fail("the run was faster than the kill")
    assert found.pop("resumed") == kills
    whole.pop("resumed")
    assert found == whole


def test_checkpoints_of_another_description_are_never_used(run_of, digits, tmp_path):
    folder = described(run_of("lenet5", "epochs=6"), tmp_path / "run")
    process = start(folder, digits)
    wait_for_checkpoints(folder, process, 0)
    process.kill()
    process.communicate()
    other = run_of("lenet5", "epochs=1")
    (folder / "config.json").write_text(other.to_json())
    assert finish(folder, digits) == finish(described(other, tmp_path / "fresh"), digits)
