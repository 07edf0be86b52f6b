"""Measured steps of networks that have never run on this machine: kept in the user's cache, and measured when missing.

They are measured by `nets.jobs.measure`, a process of its own, because plans need no torch.
"""

import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from nets.files import sha256_of_json
from nets.machine.environment import module_path
from nets.planning.earlier import Machine, read
from nets.planning.work import is_ours
from nets.run import Run, write_runs


def cache_folder(machine: Machine) -> Path:
    """Where the measured steps of a machine are kept: a folder of the user's cache, by machine, device and torch."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = importlib.metadata.version("torch")
    return base / "nets/paces" / sha256_of_json([vars(machine), version])[:16]


def load_paces(keys: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """The measured steps of kinds of runs; of those that were measured."""
    found = {key: read(folder / f"{key}.json") for key in keys}
    return {key: pace for key, pace in found.items() if pace}


def missing(kinds: Mapping[str, Run], known: Container[str], own: bool) -> list[Run]:
    """A run of each kind that is not known, so ordered that the first ones are of all tasks and data sets.

    Networks of the user are code, which a plan does not run unless it is asked to (`own`).
    """
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for key, run in kinds.items():
        if key not in known and (own or is_ours(run)):
            seen[run.task, run.dataset] += 1
            ranked.append((seen[run.task, run.dataset], run))
    return [run for _, run in sorted(ranked, key=lambda pair: pair[0])]


def measure(runs: list[Run], folder: Path, seconds: float, threads: int) -> None:
    """Measure runs, one after another, until `seconds` are over. Without rights or memory, nothing is measured."""
    with tempfile.TemporaryDirectory() as temporary:
        write_runs(runs, listed := Path(temporary, "runs.jsonl"))
        words = [f"--runs-from={listed}", f"--cache={folder}", f"--seconds={seconds}", f"--threads={threads}"]
        environment = os.environ | {"PYTHONPATH": module_path(), "OMP_NUM_THREADS": str(threads)}
        subprocess.run([sys.executable, "-P", "-m", "nets.jobs.measure", *words], env=environment, check=False)
