"""How much work a run is: its images and steps, and which runs take the same time for a step."""

import json
from pathlib import Path
from typing import Any

from nets.files import sha256_of_json
from nets.run import Run
from nets.suite import paths

SPLITS = ("train", "validation", "test")
FRAMES = 24  # snapshots of a training, as in nets/training/loop.py; a watched generator is measured with each
SOME = 10_000  # images of a data set whose size nobody knows yet


def pace_key(run: Run) -> str:
    """A hash that is the same for runs whose steps take the same time: all but epochs, rates and schedules."""
    recipe = {key: value for key, value in vars(run.recipe).items() if key not in ("name", "epochs", "schedule")}
    for key in ("optimizer", "optimizers"):
        recipe[key] = names_of_optimizers(recipe[key])
    networks = {role: [network.path, network.args] for role, network in run.networks.items()}
    data = [run.data["shape"], run.num_classes, sizes_of(run), "masks" in run.data]
    return sha256_of_json([run.task, networks, recipe, data, run.input_shape, bool(run.fidelity), bool(run.pretrained)])


def names_of_optimizers(settings: dict[str, Any]) -> Any:
    """The names in a recipe's `optimizer` or `optimizers`."""
    return settings.get("name") or {role: own.get("name") for role, own in settings.items()}


def sizes_of(run: Run) -> dict[str, Any]:
    """How a data set is divided, without the seed."""
    return {key: value for key, value in run.data["splits"].items() if key != "seed"}


def counts(run: Run, data: Path = Path(paths.DATA)) -> dict[str, int]:
    """The images of each split: those of the prepared data, else those that the catalogue names, else a guess."""
    splits = run.data["splits"]
    found: dict[str, Any] = {}
    path = data / run.dataset / "dataset.json"
    if path.exists():
        try:
            found = dict(json.loads(path.read_text(encoding="utf-8")).get("counts") or {})
        except (ValueError, TypeError, AttributeError):
            found = {}
    whole = {split: splits[split] for split in SPLITS if splits.get(split, 0) >= 1 or splits.get(split) == 0}
    found = {"train": SOME, "validation": SOME // 10, "test": SOME // 5} | whole | found
    if run.draws_labels and run.recipe.options.get("transfer") != "self_training":
        found["train"] = splits["labelled"] if splits["labelled"] >= 1 else int(splits["labelled"] * found["train"])
    return {split: int(found[split]) for split in SPLITS}


def steps_per_epoch(run: Run, batch: int, images: int) -> int:
    """The steps of an epoch, as `nets.data.batches.Batches.steps` counts them."""
    return max(1, images // max(1, batch))


def is_ours(run: Run) -> bool:
    """Whether all networks of a run are nets' own or torchvision's: others are a user's code, which plans don't run."""
    return all(network.path.split(".")[0] in ("nets", "torchvision") for network in run.networks.values())
