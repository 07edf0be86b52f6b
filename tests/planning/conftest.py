"""Results of runs that never ran: the files that a forecast reads, with costs that a test chooses."""

import json
from pathlib import Path

import pytest

from nets.planning.earlier import Machine
from nets.suite.expansion import load_runs
from tests.conftest import HEADER

MACHINE = Machine("A CPU", None, 1)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A function that writes a table in a working folder of its own, and returns its runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(*rows: str, name: str = "my.tsv"):
        Path(name).write_text(HEADER + "".join("\t".join(row.split(" ", 5)) + "\n" for row in rows))
        return load_runs(Path(name))

    return write


@pytest.fixture
def left(monkeypatch):
    """A function that leaves the files of a finished run in a folder of results."""

    def leave(results: str, run, seconds: float, epochs: int, costs: dict | None = None, **more) -> Path:
        folder = Path(results, "runs", run.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(run.to_json())
        manifest = {"status": "ok", "hardware": {"cpu": "A CPU", "gpu": None}, "device": "cpu", "threads": 1}
        manifest |= {"seconds": seconds, "epochs": epochs, "peak_memory_mb": 400.0} | more
        (folder / "manifest.json").write_text(json.dumps(manifest))
        if costs:
            (folder / "costs.json").write_text(json.dumps(costs))
        return folder

    return leave
