"""Slots hand out devices, and the kernel takes them back."""

import os
import signal
import subprocess
import sys

import pytest

from nets.errors import UserError
from nets.training import slots

HOLD = (
    "import os, sys; from nets.training.slots import lease\nwith lease() as d:\n print(d, flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def pretend(monkeypatch, tmp_path):
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "NETS_SLOTS_PER_GPU"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETS_GPUS", "2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(slots.tempfile, "tempdir", str(tmp_path))


def hold() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_each_job_gets_its_own_device_and_a_killed_ones_returns():
    first, second = hold(), hold()
    held = {first.stdout.readline().strip(), second.stdout.readline().strip()}
    assert held == {"0", "1"}
    third = hold()  # waits: both are taken
    first.send_signal(signal.SIGKILL)
    assert third.stdout.readline().strip() in held
    for process in (second, third):
        process.communicate("")
    first.communicate()


def test_devices_are_those_that_the_process_may_see(monkeypatch):
    monkeypatch.delenv("NETS_GPUS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7,MIG-3")
    assert slots.devices() == ["GPU-7", "MIG-3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert slots.devices() == []
    assert slots.count_slots(cores=6) == 6


def test_several_slots_a_device(monkeypatch):
    monkeypatch.setenv("NETS_SLOTS_PER_GPU", "3")
    assert slots.count_slots(cores=8) == 6
    monkeypatch.setenv("NETS_SLOTS_PER_GPU", "none")
    with pytest.raises(UserError, match="NETS_SLOTS_PER_GPU is 'none'"):
        slots.count_slots(cores=8)


def test_a_job_sees_only_its_device(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with slots.lease() as device:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == device == "0"
