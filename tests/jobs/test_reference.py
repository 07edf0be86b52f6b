"""A reference that runs out of memory on a shared device starts once more, alone; alone, that is an error."""

import sys

import pytest
import torch

from nets.jobs import reference
from nets.machine import memory, slots


@pytest.fixture(autouse=True)
def full(monkeypatch, tmp_path):
    """A device that two jobs share, and that is full."""
    for name, value in {"NETS_GPUS": "1", "NETS_SLOTS_PER_GPU": "2", "CUDA_VISIBLE_DEVICES": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(slots.tempfile, "tempdir", str(tmp_path))

    def fail(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(reference, "write_reference", fail)


def test_it_starts_once_more_alone(monkeypatch, tmp_path, capsys):
    started = []
    monkeypatch.setattr(memory.os, "execv", lambda program, words: started.append((program, words)))
    words = ["--data-dir", "data", "--output", str(tmp_path / "out"), "--extractor", "manifest.json"]
    reference.main(words)
    assert started == [(sys.executable, [sys.executable, "-P", "-m", "nets.jobs.reference", *words, "--alone"])]
    assert reference.main([*words, "--alone"]) == 1 and len(started) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("OutOfMemoryError: CUDA out of memory")
