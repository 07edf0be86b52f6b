"""The real training command in its own process, and its results."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nets.jobs import evaluate
from nets.run import Run
from nets.suite.catalogues import ROOT


class Command:
    """`nets.jobs.train` on one folder and one prepared data set."""

    def __init__(self, folder: Path, run: Run, data: Path, *more: str):
        folder.mkdir()
        (folder / "config.json").write_text(run.to_json())
        self.folder, self.data, self.more = folder, data, more

    def start(self, *words: str, **options) -> subprocess.Popen:
        """Start the process; a checkpoint may follow every step but the last of an epoch."""
        command = [sys.executable, "-m", "nets.jobs.train", "--run-dir", str(self.folder), "--data-dir", str(self.data)]
        command += ["--checkpoint-seconds", "0", *self.more, *words]
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)

    def finish(self) -> dict:
        """Run to the end and evaluate; returns the results of both, without times."""
        process = self.start()
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        return self.left()

    def left(self) -> dict:
        """The results of training, and of its evaluation."""
        assert evaluate.main(["--run-dir", str(self.folder), "--data-dir", str(self.data)]) == 0
        manifest = json.loads((self.folder / "manifest.json").read_text())
        history = [line.split(",") for line in (self.folder / "history.csv").read_text().splitlines()]
        seconds = history[0].index("seconds")
        assert not list((self.folder / "checkpoints").glob("*.pt"))
        return {
            "status": manifest["status"],
            "resumed": manifest["resumed"],
            "weights": manifest["weights"],
            "history": [row[:seconds] + row[seconds + 1 :] for row in history],
            "snapshots": (self.folder / "snapshots.npz").read_bytes(),
            "metrics": json.loads((self.folder / "metrics.json").read_text()),
        }

    def checkpoints(self) -> list[Path]:
        """The run's checkpoints, oldest first."""
        return sorted((self.folder / "checkpoints").glob("*.pt"))

    def reached(self) -> int:
        """The step of the newest checkpoint; 0 without one."""
        return max((int(path.stem.rsplit("-", 1)[1]) for path in self.checkpoints()), default=0)

    def wait(self, process: subprocess.Popen, more_than: int = 0) -> int:
        """Wait until the run has passed a step; returns the step of its newest checkpoint, or -1 if it has ended."""
        for _ in range(6000):
            if (step := self.reached()) > more_than:
                return step
            if process.poll() is not None:
                return -1
            time.sleep(0.01)
        raise TimeoutError(f"{self.folder} made no checkpoint")


@pytest.fixture
def command(run_of, digits, tmp_path):
    """A function from a folder's name, a model and overrides to the run's command."""
    return lambda name, model="lenet5", overrides="epochs=6": Command(tmp_path / name, run_of(model, overrides), digits)
