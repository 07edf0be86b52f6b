"""Slots assign devices, first come, first served, and the kernel releases them."""

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time

import pytest

from nets.errors import UserError
from nets.machine import locks, slots
from nets.machine.stop import Stopped

HOLD = (
    "import os, sys; from nets.machine.slots import lease\nwith lease() as d:\n print(d, flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def pretend(monkeypatch, tmp_path):
    for name in ("CUDA_VISIBLE_DEVICES", "NETS_SLOTS_PER_GPU", *slots.ALLOCATION):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETS_GPUS", "2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(slots.tempfile, "tempdir", str(tmp_path))


def hold(code: str = HOLD) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_each_job_gets_its_own_device_and_a_killed_ones_returns():
    first, second = hold(), hold()
    held = {first.stdout.readline().strip(), second.stdout.readline().strip()}
    assert held == {"0", "1"}
    third = hold()  # waits, because both are taken
    first.send_signal(signal.SIGKILL)
    assert third.stdout.readline().strip() in held
    for process in (second, third):
        process.communicate("")
    first.communicate()


def test_who_came_first_is_served_first(monkeypatch, tmp_path):
    monkeypatch.setenv("NETS_GPUS", "1")
    folder = tmp_path / f"nets-slots-{os.getuid()}"
    holder, waiting = hold(), []
    assert holder.stdout.readline() == "0\n"
    for count in range(1, 6):
        waiting.append(hold())
        while len(list(folder.glob("ticket-*"))) < count:
            time.sleep(0.01)
    waiting[2].kill()  # a process that dies in line blocks nobody
    waiting.pop(2).communicate()
    for current, later in zip([holder, *waiting], [*waiting, None], strict=True):
        current.communicate("")
        if later:
            assert later.stdout.readline() == "0\n"
    assert list(folder.glob("ticket-*")) == []


def test_a_job_that_is_asked_to_stop_does_not_wait(monkeypatch):
    monkeypatch.setenv("NETS_GPUS", "1")
    holder = hold()
    holder.stdout.readline()
    with pytest.raises(Stopped), slots.lease(lambda: True):
        pytest.fail("the device was taken")
    holder.communicate("")


def test_alone_takes_all_slots_of_a_device(monkeypatch):
    monkeypatch.setenv("NETS_SLOTS_PER_GPU", "2")
    with slots.lease(alone=True) as alone:
        others = [hold(), hold()]
        assert alone not in [other.stdout.readline().strip() for other in others]
        third = hold()  # the other device is full, this one is not shared
        time.sleep(0.5)
        assert third.poll() is None
    assert third.stdout.readline().strip() == alone
    for process in (*others, third):
        process.communicate("")


JOB = """
import os, sys, time, random
from nets.machine.slots import lease
def note(what):
    with open(sys.argv[1], "a") as file:
        file.write(f'{{"what": "{what}", "job": {sys.argv[2]}, "device": "{device}", "at": {time.monotonic()}}}\\n')
with lease() as device:
    note("begin"); time.sleep(random.uniform(0.05, 0.2)); note("end")
"""


def test_two_hundred_jobs_a_tenth_of_them_killed(monkeypatch, tmp_path):
    monkeypatch.setenv("NETS_GPUS", "4")
    monkeypatch.setenv("NETS_SLOTS_PER_GPU", "2")
    log, dice = tmp_path / "log", random.Random(0)
    doomed = set(dice.sample(range(200), 20))
    waiting, running, ended = list(range(200)), {}, []
    kills: list[tuple[int, float]] = []
    while waiting or running:
        while waiting and len(running) < 24:
            job = waiting.pop(0)
            command = [sys.executable, "-c", JOB, str(log), str(job)]
            running[job] = subprocess.Popen(command), time.monotonic() + dice.uniform(0.05, 1.0)
        for job, (process, due) in list(running.items()):
            if job in doomed and time.monotonic() > due and process.poll() is None:
                kills.append((job, time.monotonic()))
                process.kill()
                process.wait()
                doomed.discard(job)
                waiting.append(job)  # as Snakemake does
                del running[job]
            elif process.poll() is not None:
                assert process.returncode == 0
                ended.append(job)
                del running[job]
        time.sleep(0.005)
    assert sorted(ended) == list(range(200))
    notes = [json.loads(line) for line in log.read_text().splitlines()]
    events = []
    for device in "0123":
        for note in (note for note in notes if note["device"] == device):
            events.append((note["at"], device, 1 if note["what"] == "begin" else -1))
    for job, at in kills:  # a killed lease ended there
        last = [note for note in notes if note["job"] == job and note["at"] < at]
        if last and last[-1]["what"] == "begin":
            events.append((at, last[-1]["device"], -1))
    load, most = dict.fromkeys("0123", 0), dict.fromkeys("0123", 0)
    for _, device, change in sorted(events):
        load[device] += change
        most[device] = max(most[device], load[device])
    assert len(kills) > 5
    assert set(most.values()) <= {1, 2}  # never more, and each device was used
    assert load == dict.fromkeys("0123", 0)  # every lease ended


def test_devices_are_those_that_the_process_may_see(monkeypatch):
    monkeypatch.delenv("NETS_GPUS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7,MIG-3")
    assert slots.devices() == ["GPU-7", "MIG-3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert slots.devices() == []
    assert slots.count_slots(cores=6) == 6


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("NoDevFiles", []),  # Slurm's, for a job without a device
        ("none", []),
        ("0, 1", ["0", "1"]),
        ("1,1,-1,2", ["1"]),
        ("MIG-GPU-5d5ba0d6/1/2,GPU-7,x,3", ["MIG-GPU-5d5ba0d6/1/2", "GPU-7"]),
    ],
)
def test_names_are_read_as_cuda_reads_them(monkeypatch, visible, names):
    monkeypatch.delenv("NETS_GPUS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert slots.devices() == names


def test_a_device_whose_name_has_slashes_is_leased(monkeypatch):
    monkeypatch.delenv("NETS_GPUS")
    monkeypatch.setattr(slots, "check_usable", lambda: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-GPU-5d5ba0d6-d33d/1/2,MIG-GPU-5d5ba0d6-d33d/1/3")
    with slots.lease() as first:
        assert first == os.environ["CUDA_VISIBLE_DEVICES"] == "MIG-GPU-5d5ba0d6-d33d/1/2"
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-GPU-5d5ba0d6-d33d/1/2,MIG-GPU-5d5ba0d6-d33d/1/3")
        with slots.lease() as second:
            assert second == "MIG-GPU-5d5ba0d6-d33d/1/3"


def test_in_an_allocation_jobs_lease_its_devices_from_each_other_alone(monkeypatch):
    elsewhere = hold()
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    first, second = hold(), hold()
    assert {process.stdout.readline().strip() for process in (first, second)} == {"0", "1"}
    assert elsewhere.stdout.readline().strip() in {"0", "1"}
    monkeypatch.setenv("SLURM_JOB_ID", "4712")  # another allocation calls its own devices 0 and 1 too
    third = hold()
    assert third.stdout.readline().strip() in {"0", "1"}
    for process in (elsewhere, first, second, third):
        process.communicate("")


def pretend_program(monkeypatch, tmp_path, script):
    monkeypatch.delenv("NETS_GPUS")
    slots.listing.cache_clear()
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


def test_a_gpu_that_torch_cannot_use_is_told(monkeypatch, tmp_path, capsys):
    pretend_program(monkeypatch, tmp_path, "echo 'GPU 0: Old one (UUID: GPU-1c2f0a0e)'")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with slots.lease() as device:
        assert device == "GPU-1c2f0a0e"
    (line,) = capsys.readouterr().err.splitlines()
    assert "can't use the GPU GPU-1c2f0a0e (" in line and "computes on the CPU; update the driver" in line


def test_a_driver_that_does_not_answer_is_told(monkeypatch, tmp_path, capsys):
    pretend_program(monkeypatch, tmp_path, "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    assert slots.devices() == slots.devices() == []
    (line,) = capsys.readouterr().err.splitlines()
    assert "nvidia-smi lists no GPUs (Failed to initialize NVML: Driver/library version mismatch)" in line
    slots.listing.cache_clear()


def test_devices_are_found_without_the_program(monkeypatch, tmp_path):
    monkeypatch.delenv("NETS_GPUS")
    monkeypatch.setattr(slots.shutil, "which", lambda _: None)
    monkeypatch.setattr(slots, "DEVICES", tmp_path)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert slots.devices() == ["0", "1"]


LISTING = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 3g.20gb     Device  1: (UUID: MIG-GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77/2/0)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1c2f0a0e-0b7c-4f2a-9c3e-2b1f6a0d9e11)
"""


def test_a_divided_gpu_is_its_instances():
    assert slots.parse_devices(LISTING) == [
        "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f",
        "MIG-GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77/2/0",
        "GPU-1c2f0a0e-0b7c-4f2a-9c3e-2b1f6a0d9e11",
    ]


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


@pytest.fixture
def place(tmp_path):
    """Where the folder of the leases will be."""
    return tmp_path / f"nets-slots-{os.getuid()}"


def test_leases_are_in_a_private_folder(place):
    with slots.lease():
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    place.chmod(0o777)  # as another user's umask would have it
    with slots.lease():
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_link_in_place_of_that_folder_is_refused(place, tmp_path):
    (tmp_path / "theirs").mkdir()
    place.symlink_to(tmp_path / "theirs")
    with pytest.raises(UserError, match="is not a folder of yours; .* or set TMPDIR"), slots.lease():
        pytest.fail("a slot was taken")
    assert not list((tmp_path / "theirs").iterdir())


def test_a_folder_of_another_user_is_refused(place, monkeypatch):
    place.mkdir()
    monkeypatch.setattr(slots.os, "geteuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(UserError, match="is not a folder of yours"), slots.lease():
        pytest.fail("a slot was taken")


@pytest.mark.parametrize("name", ["tickets", "0.0"])
def test_links_in_that_folder_are_refused(place, tmp_path, name):
    place.mkdir(mode=0o700)
    (place / name).symlink_to(tmp_path / "victim")
    with pytest.raises(UserError, match=f"{name} is a link; remove it"), slots.lease():
        pytest.fail("a slot was taken")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("held", ["tickets", "0.0"])
def test_who_waits_for_a_slot_says_what_for(place, monkeypatch, capsys, held):
    monkeypatch.setenv("NETS_GPUS", "1")
    monkeypatch.setattr(locks.wait_for, "__defaults__", (lambda: False, 0.2))
    place.mkdir(mode=0o700)
    end = time.monotonic() + 0.6
    with locks.try_lock(place / held), pytest.raises(Stopped), slots.lease(lambda: time.monotonic() > end):
        pytest.fail("a slot was taken")
    said = f"Waiting for a free slot of 0; other jobs of yours hold them (locks in {place}).\n"
    assert capsys.readouterr().err == said
