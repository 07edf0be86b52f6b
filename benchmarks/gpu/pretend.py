"""Small versions of rows and their data, with which `--pretend` goes the whole way on a CPU."""

import dataclasses
from typing import Any

import numpy as np

from nets.data.entries import number_of
from nets.data.loaded import Loaded, Part
from nets.run import Run

FEW = 100  # images of a split


def small(run: Run) -> Run:
    """The run with few channels, steps and samples, for --pretend; its data are few, too."""
    networks = {role: dataclasses.replace(n, args=narrow(n.args)) for role, n in run.networks.items()}
    options = dict(run.recipe.options)
    options |= {name: least for name, least in (("samples", 64), ("fid_samples", 64)) if name in options}
    options |= {"timesteps": 4, "sampling_steps": 2} if "timesteps" in options else {}
    schedule = run.recipe.schedule | {"warmup_epochs": 0.5, "milestones": [1] * bool(run.recipe.schedule["milestones"])}
    recipe = dataclasses.replace(run.recipe, epochs=2, batch_size=50, options=options, schedule=schedule)
    return dataclasses.replace(run, networks=networks, recipe=recipe, data=run.data | {"splits": few(run)})


def narrow(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a network with an eighth of its width."""
    width = arguments.get("width")
    if width is None:
        return arguments
    return arguments | {"width": max(8, width // 8) if isinstance(width, int) else width / 8}


def few(run: Run) -> dict[str, Any]:
    """The splits of a small version of a run's data set."""
    return {"validation": 0 if run.data["splits"]["validation"] == 0 else FEW, "test": FEW, "seed": 0}


def invented(run: Run) -> Loaded:
    """Noise of the shape and with the classes of a run's data set, for --pretend."""
    dice, classes = np.random.RandomState(0), number_of(run.data["classes"])
    images = dice.randint(0, 256, (4 * FEW, *run.shape), np.uint8)
    labels = np.arange(len(images)) % classes if classes else np.full(len(images), -1)
    parts = [Part.of(images[rows], labels[rows]) for rows in (slice(0, 3 * FEW), slice(3 * FEW, None))]
    return Loaded(*parts, kind="invented", location="here", canonical=False, sha256={})
