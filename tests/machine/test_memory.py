"""Running out of memory is detected by the error's words, and by the kernel's count of the processes it kills."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from nets.machine.memory import Watch, boot, is_out_of_memory, oom_kills, watched
from nets.suite.catalogues import ROOT


def test_the_allocators_own_words_are_known():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**50)
    assert is_out_of_memory(error.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory")) and is_out_of_memory(MemoryError())
    for words in ("CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"):
        assert is_out_of_memory(RuntimeError(words))  # what torch raises where a process opens a device that is full
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


def test_a_process_that_ends_by_itself_leaves_no_note(tmp_path):
    watch = Watch(tmp_path / "alive.json", "a")
    watch.begin()
    watch.end()
    assert not (tmp_path / "alive.json").exists()


WAITING = """
import sys
from pathlib import Path
from nets.machine.memory import Watch
Watch(Path(sys.argv[1]), "a").begin()
print(1, flush=True)
input()
"""


def test_a_process_that_somebody_killed_did_not_lack_memory(tmp_path):
    command = [sys.executable, "-c", WAITING, str(tmp_path / "alive.json")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert Watch(tmp_path / "alive.json", "a").killed == 0


@contextlib.contextmanager
def cramped(megabytes: int):
    """A control group with limited memory; yields the file into which a process writes its id. Skips if impossible."""
    for parent, limit in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        folder = Path(parent) / f"nets-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if (folder / limit).exists():
                (folder / limit).write_text(str(megabytes * 2**20))
                yield folder / "cgroup.procs"
                return
        except PermissionError:
            continue
        finally:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.05)
    pytest.skip("control groups can't be made here")


GREEDY = """
import os, sys
from pathlib import Path
from nets.machine.memory import Watch
Path(sys.argv[1]).write_text(str(os.getpid()))
Watch(Path(sys.argv[2]), "a").begin()
print(len(bytearray(os.urandom(2**20)) * 400))
"""


def test_two_ends_by_the_kernel_are_counted_and_another_description_starts_anew(tmp_path):
    note = tmp_path / "alive.json"
    with cramped(200) as group:
        for count in (1, 2):
            command = [sys.executable, "-c", GREEDY, str(group), str(note)]
            ended = subprocess.run(command, cwd=ROOT, capture_output=True)
            assert ended.returncode == -signal.SIGKILL, ended
            assert Watch(note, "a").killed == count
    assert Watch(note, "b").killed == 0


def test_a_third_process_does_not_try_again(tmp_path):
    note = tmp_path / "alive.json"
    note.write_text(json.dumps({"key": "a", "boot": boot(), "count": oom_kills(), "killed": 2}))
    with (
        pytest.raises(MemoryError, match="the system killed its evaluation twice"),
        watched(note, "a", "its evaluation"),
    ):
        pytest.fail("it tried again")
    assert not note.exists()
    with watched(note, "a"):
        assert json.loads(note.read_text())["killed"] == 0
    assert not note.exists()
