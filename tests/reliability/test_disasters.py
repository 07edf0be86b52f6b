"""Other disasters: nothing is lost, and nothing wrong is reported."""

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from nets.jobs import evaluate, train
from nets.jobs.train import TRY_AGAIN
from tests.machine.test_memory import cramped
from tests.reliability.conftest import Command


def broken_off(command: Command) -> None:
    """Start, and kill after two checkpoints."""
    process = command.start()
    command.wait(process, command.wait(process))
    process.kill()
    process.communicate()


def end(command: Command) -> int:
    """Run to the end; returns the exit status."""
    process = command.start()
    process.communicate()
    return process.returncode


def same(results: dict, expected: dict) -> bool:
    return {**results, "resumed": 0} == {**expected, "resumed": 0}


def test_a_damaged_checkpoint_is_passed_over(command):
    whole, damaged = command("whole"), command("damaged")
    broken_off(damaged)
    newest = damaged.checkpoints()[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    results = damaged.finish()
    assert results["resumed"] == 1
    assert same(results, whole.finish())


def test_checkpoints_of_another_description_are_never_used(command, run_of):
    changed, fresh = command("changed"), command("fresh", overrides="epochs=1")
    broken_off(changed)
    (changed.folder / "config.json").write_text(run_of("lenet5", "epochs=1").to_json())
    assert changed.finish() == fresh.finish()


def test_results_that_were_deleted_are_put_back_and_those_of_another_description_not(command, run_of):
    run = command("run", overrides="epochs=1")
    before = run.finish()
    manifest = (run.folder / "manifest.json").read_bytes()
    for name in ("manifest.json", "history.csv", "model.safetensors", "snapshots.npz"):
        (run.folder / name).unlink()
    assert run.finish() == before
    assert (run.folder / "manifest.json").read_bytes() == manifest  # with the times of the original training
    (run.folder / "config.json").write_text(run_of("lenet5", "epochs=2").to_json())
    assert len(run.finish()["history"]) == 3


def test_damaged_weights_are_trained_again_when_they_are_deleted_as_the_message_says(command, capsys):
    run = command("run", overrides="epochs=1")
    before = run.finish()
    weights = run.folder / "model.safetensors"
    weights.write_bytes(b"junk")
    assert evaluate.main(["--run-dir", str(run.folder), "--data-dir", str(run.data)]) == 1
    assert "delete it and train again" in capsys.readouterr().err
    weights.unlink()
    assert run.finish() == before


def test_what_ends_a_run_stands_in_its_log_too(command, tmp_path):
    run = command("run")
    (run.folder / "config.json").write_text("{")
    log = tmp_path / "train.log"
    process = run.start("--log", str(log))
    _, errors = process.communicate()
    assert process.returncode and errors.strip().splitlines()[-1] in log.read_text()


def test_two_at_once_in_one_folder_train_once(command):
    whole, shared = command("whole"), command("shared")
    first = shared.start()
    shared.wait(first)
    second = shared.start()
    assert "another process is training it; waiting" in second.stderr.readline()
    for process in (first, second):
        process.communicate()
        assert process.returncode == 0
    results = shared.left()
    assert results["resumed"] == 0
    assert same(results, whole.finish())


def test_one_that_waits_can_be_stopped(command):
    shared = command("shared", overrides="epochs=50")
    first = shared.start()
    shared.wait(first)
    second = shared.start()
    second.stderr.readline()
    second.send_signal(signal.SIGTERM)
    second.communicate()
    assert second.returncode == TRY_AGAIN
    first.kill()
    first.communicate()


def test_a_full_disk(command, tmp_path):
    """The run ends with one sentence, and continues once there is space again."""
    (tmp_path / "small").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path / "small")]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a small disk, and not everywhere")
    try:
        full = command("small/run")
        process = full.start()
        full.wait(process)
        with contextlib.suppress(OSError), open(tmp_path / "small/filler", "wb") as file:
            while True:
                file.write(bytes(4096))
        _, errors = process.communicate()
        assert process.returncode == 1, errors
        assert "No space left on device; free some space; a started run continues from its checkpoint." in errors
        assert "Traceback" not in errors
        (tmp_path / "small/filler").unlink()
        results = full.finish()
        assert results["resumed"] == 1
        assert same(results, command("whole").finish())
    finally:
        subprocess.run(["umount", str(tmp_path / "small")], check=True)


GREEDY = """
import torch
from torch import nn


class Greedy(nn.Module):
    def __init__(self, num_classes, numbers):
        super().__init__()
        self.numbers, self.layer = numbers, nn.Linear(784, num_classes)

    def forward(self, x):
        return self.layer(x.flatten(1)) + (torch.ones(self.numbers).sum() if self.training else 0)
"""


def make_greedy(command: Command, numbers: int, monkeypatch) -> None:
    """Give the run a user's network that needs memory for this many numbers in training."""
    (command.folder.parent / "greedy.py").write_text(GREEDY)
    monkeypatch.setenv("PYTHONPATH", str(command.folder.parent))
    config = json.loads((command.folder / "config.json").read_text())
    config["networks"]["classifier"] = {"path": "greedy.Greedy", "args": {"numbers": numbers}}
    (command.folder / "config.json").write_text(json.dumps(config))


def test_ended_twice_by_the_kernel_for_want_of_memory(command, monkeypatch):
    """The third start detects this and leaves a hole; tried again, the run starts from scratch."""
    run = command("run", overrides="epochs=1")
    make_greedy(run, 2**29, monkeypatch)  # 2 GiB
    with cramped(1000) as group:
        for _ in range(2):
            process = run.start(preexec_fn=lambda: group.write_text(str(os.getpid())))
            process.communicate()
            assert process.returncode == -signal.SIGKILL
            assert (run.folder / "checkpoints/alive.json").exists()
    assert end(run) == 0
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["status"] == "out_of_memory"
    assert "the system killed it twice" in manifest["reason"]
    assert not (run.folder / "checkpoints/alive.json").exists()


def test_memory_that_runs_out_on_a_shared_device_is_tried_once_alone(command, monkeypatch, tmp_path):
    monkeypatch.setenv("NETS_GPUS", "1")
    monkeypatch.setenv("NETS_SLOTS_PER_GPU", "2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("NETS_RETRY", "make run RETRY=1")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    run = command("run")
    make_greedy(run, 2**48, monkeypatch)  # a petabyte
    process = run.start()
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert errors.count("memory ran out on a shared device; trying once more, alone") == 1
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["status"] == "out_of_memory"
    assert "can't allocate memory" in manifest["reason"] and manifest["reason"].endswith("lower batch_size.")
    assert manifest["retry"] == "make run RETRY=1"


def test_a_run_out_of_time_is_a_hole_and_continues_with_more(command, monkeypatch):
    run, whole = command("run"), command("whole")
    monkeypatch.setenv("NETS_TIME_LIMIT", "0.005")
    assert end(run) == 0
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["status"] == "timed_out"
    assert "a higher time_limit continues it" in manifest["reason"]
    monkeypatch.delenv("NETS_TIME_LIMIT")
    results = run.finish()
    assert results["resumed"] == 1
    assert same(results, whole.finish())


def test_a_clock_that_jumps(command, monkeypatch):
    """The time of day jumps by days; neither results nor durations are affected."""
    whole, jumping = command("whole", overrides="epochs=2"), command("jumping", overrides="epochs=2")
    true, calls = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: true() + 86400 * (-1) ** next(calls) * 3)
    assert train.main(["--run-dir", str(jumping.folder), "--data-dir", str(jumping.data)]) == 0
    monkeypatch.undo()
    results = jumping.left()
    assert 0 < json.loads((jumping.folder / "manifest.json").read_text())["seconds"] < 60
    assert same(results, whole.finish())
