"""Three networks of the teaching notebooks (Valente, Deep-Learning-Models) against Keras code of their shape.

The same architectures, losses, optimizers, batch sizes and images, on one thread each; but our DCGAN's generator learns
from the discriminator after that one's step, which takes a third pass of the discriminator where the notebook has two.
Keras runs on TensorFlow in an environment of its own, and its networks are compiled before they are timed.
`KERAS=/path/to/python` names another environment that has TensorFlow.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measuring import ROOT, Findings, Place, Seconds, Side, compare, say
from benchmarks.networks import Contest

PACKAGE = "tensorflow-cpu>=2.18,<3"
ROWS = {  # by title: Keras's name, our row, epochs, images
    "autoencoder": ("autoencoder", "autoencoder mnist5k autoencoder model.relu_code=true", 12, 3328),
    "VAE": ("vae", "vae mnist5k vae_squared_error", 6, 3328),
    "DCGAN": ("dcgan", "teaching_dcgan_mnist mnist5k teaching_dcgan_mnist", 1, 1024),
}


class Unavailable(Exception):
    """There is no TensorFlow; the message is a sentence."""


def measure(place: Place) -> Findings:
    """Every network in turn; nothing where TensorFlow can't be had."""
    found = Findings("Keras")
    try:
        python = environment(place.quick)
    except Unavailable as sentence:
        return Findings("Keras", skipped=str(sentence))
    for title in place.some(list(ROWS), 1):
        name, row, epochs, count = ROWS[title]
        contest = Contest(place, row, epochs, count)
        with keras(python, name, contest) as side:
            found.comparisons.append(compare(f"keras: {title}", contest.loop, side, 3))
    return found


def environment(quick: bool) -> Path:
    """A Python that has TensorFlow: `$KERAS`, or an environment in the user's cache, made once. Raises Unavailable.

    A `quick` measurement makes none.
    """
    if named := os.environ.get("KERAS"):
        return Path(named)
    if os.environ.get("NETS_OFFLINE") == "1":
        raise Unavailable("Keras was left out, because NETS_OFFLINE=1 forbids downloads and KERAS names no Python.")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache, "nets/keras")
    python, ready = folder / "bin/python", folder / "ready"
    if quick and not ready.exists():
        raise Unavailable("Keras was left out, because there is no environment with it yet; make bench makes one.")
    if not ready.exists():
        say(f"Setting up {folder} for {PACKAGE}, once")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        for words in ([sys.executable, "-m", "venv", "--clear", str(folder)], install):
            ended = subprocess.run(words, capture_output=True, text=True)
            if ended.returncode:
                why = (ended.stderr.strip().splitlines() or ["it gave no reason"])[-1]
                raise Unavailable(f"Keras was left out, because {PACKAGE} can't be installed: {why}")
        ready.touch()
    return python


@contextlib.contextmanager
def keras(python: Path, name: str, contest: Contest) -> Iterator[Side]:
    """A side that trains in Keras, with the images of a contest; its process ends with the block."""
    train = contest.train
    file = contest.place.folder / f"{name}.npy"
    np.save(file, (train.images[train.order].permute(0, 2, 3, 1).float() / 255).numpy())
    words = [str(python), "-P", str(ROOT / "benchmarks/teaching_keras.py"), name, str(file), "1"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    errors = contest.place.folder / f"{name}.err"
    with open(errors, "w") as stderr:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, env=clean
        )
    assert process.stdin and process.stdout

    def answer() -> dict[str, float]:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"Keras failed on the {name}: {errors.read_text().strip()[-1000:]}")
        return json.loads(line)

    def side() -> Seconds:
        print(contest.run.recipe.epochs, file=process.stdin, flush=True)
        return Seconds(**answer())

    try:
        say(f"keras: {name}: {answer()}")
        yield side
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
