"""The real command, killed at random moments, ends with the same bits as one that was never killed."""

import os
import random
import signal
import time

import pytest

from nets.jobs.train import TRY_AGAIN
from nets.suite.expansion import load_runs
from tests.reliability.conftest import Command

KINDS = {
    "lenet5": "epochs=6",
    "googlenet": "epochs=1 batch_size=64 model.width=0.0625 ema=0.9 augment.flip=false",
    "conv_autoencoder": "epochs=4 model.widths=[4,8]",
    "vae": "epochs=6 model.widths=[16] options.samples=100",
    "dcgan": "epochs=2 model.width=4 options.samples=100",
    "wgan_gp": "epochs=1 model.width=4 options.n_critic=2 options.samples=100",
    "ddpm": "epochs=1 batch_size=64 schedule.warmup_epochs=0 ema=0.9 options.timesteps=4 options.samples=100 "
    "model.width=4 model.multipliers=[1,2] model.blocks=1 model.attention=[]",
    "unet": "epochs=2 batch_size=8 model.width=4 model.depth=1",
}
PAIR = """model\tdataset\tvariant\trecipe\tseeds\toverrides
lenet5\tmnist5k\tsource\tlenet5\t0\tepochs=1
lenet5\tmnist5k\tfeatures\tfeature_extraction\t0\tepochs=60 options.pretrained=lenet5-mnist5k-source
"""


def kill(command: Command, how: signal.Signals, times: int) -> int:
    """Start and kill repeatedly, each time after a new checkpoint; returns how often the kill came in time."""
    kills, reached = 0, 0
    for _ in range(times):
        process = command.start()
        command.wait(process, reached)
        time.sleep(random.uniform(0, 0.1))
        os.kill(process.pid, how)
        process.communicate()
        reached = command.reached()
        kills += process.returncode != 0
        if how is not signal.SIGKILL and process.returncode:
            assert process.returncode == TRY_AGAIN
    return kills


def check_the_same(whole: Command, killed: Command, how: signal.Signals, times: int = 2) -> None:
    expected = whole.finish()
    kills = kill(killed, how, times)
    results = killed.finish() if kills else pytest.fail("the run was faster than the kill")
    assert 1 <= results.pop("resumed") <= kills  # a kill may come after the end, and then nothing is resumed
    assert expected.pop("resumed") == 0
    assert results == expected


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_continued(kind, run_of, request, tmp_path):
    dataset = "digit_scenes" if kind == "unet" else "mnist5k"
    run = run_of(kind, KINDS[kind], dataset=dataset)
    data = request.getfixturevalue("scenes" if kind == "unet" else "digits")
    commands = [Command(tmp_path / name, run, data) for name in ("whole", "killed")]
    check_the_same(*commands, signal.SIGKILL)


@pytest.mark.parametrize(("kind", "how"), [("googlenet", signal.SIGTERM), ("lenet5", signal.SIGUSR1)])
def test_asked_to_stop_and_continued(kind, how, command):
    check_the_same(command("whole", kind, KINDS[kind]), command("stopped", kind, KINDS[kind]), how, times=1)


def test_a_head_on_kept_features(digits, tmp_path):
    (tmp_path / "pair.tsv").write_text(PAIR)
    source, features = load_runs(tmp_path / "pair.tsv")
    first = Command(tmp_path / "source", source, digits)
    first.finish()
    start = ("--pretrained", str(first.folder / "manifest.json"))
    commands = [Command(tmp_path / name, features, digits, *start) for name in ("whole", "killed")]
    check_the_same(*commands, signal.SIGKILL, times=3)
