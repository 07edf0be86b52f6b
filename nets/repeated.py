"""A training once more, tested after every epoch: what a report of the best epoch on test images would have said.

The run itself never reads test images while it learns. This repeats it when it has ended, with the same description,
seed and data, and forgets the weights; only the curve on test images is kept. Where the repetition ends with the same
weights to the bit, the curve is that of the run.
"""

from contextlib import nullcontext
from typing import Any

import torch
from safetensors.torch import load

from nets.data.batches import Batches
from nets.data.prepared import open_split
from nets.files import read_json, write_json
from nets.machine.progress import Progress
from nets.machine.slots import sharers
from nets.suite.keys import record, run_source
from nets.tasks.contract import Task
from nets.training.checkpoints import Checkpoints
from nets.training.loop import Diverged, Training
from nets.training.outputs import SavedWeights, read_weights
from nets.training.session import Session, build, open_data

FILE = "repeated.json"


class Forgetful(Checkpoints):
    """Keeps nothing: a repetition that is interrupted starts from the beginning."""

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep nothing."""

    def load(self, device: torch.device) -> None:
        """There is nothing."""


class Tested(Training):
    """A training that is also tested after every epoch; the test changes no weight and draws no random number."""

    test: Batches
    tested: list[float]

    def end_epoch(self) -> None:
        """Validate as ever, then test the same weights in the same way."""
        super().end_epoch()
        assert self.task.selection
        with self.average.applied() if self.average else nullcontext():
            self.tested.append(float(self.task.validate(self.test)[self.task.selection.metric]))


def repeat(session: Session) -> str:
    """Write `repeated.json`; returns a line for the terminal. Raises Stopped.

    A run without a result, or one that has learned nothing or chooses no weights, has no epochs there.
    """
    run, manifest = session.run, read_json(session.folder / "manifest.json")
    record(session.folder, "repeat", {"source": run_source("repeat", run).files})
    content: dict[str, Any] = {key: manifest[key] for key in ("run", "status", "reason")}
    content |= {"metric": None, "direction": None, "same_weights": None, "epochs": []}
    if manifest["status"] == "ok" and run.recipe.epochs:
        try:
            content |= tested(session, manifest["weights"]["last"])
        except Diverged as error:
            content |= {"status": "diverged", "reason": f"Repeated on this machine, it diverged: {error}"}
    write_json(session.folder / FILE, content)
    if not content["epochs"]:
        return f"{run.name}  not tested by epoch: {content['reason'] or 'it chooses no weights'}"
    return f"{run.name}  tested after each of {len(content['epochs'])} epochs"


def tested(session: Session, last: dict[str, Any]) -> dict[str, Any]:
    """The metric that chooses weights, on validation and on test images, after each epoch."""
    task = build(session)
    if task.selection is None:
        return {}
    training = Tested(
        task,
        open_data(session, task)[0],
        Forgetful(session.folder / "repeated", "", ""),
        Progress(f"{session.run.name} repeated"),
        stop_asked=session.settings.stop_asked,
        replays=session.settings.replays,
    )
    training.test = Batches(
        open_split(session.data_dir, "test"), task.pixels, task.device, jobs=sharers(session.settings.alone)
    )
    training.tested = []
    history = training.run().history
    metric, direction = task.selection
    return {
        "metric": metric,
        "direction": direction,
        "same_weights": same_weights(task, session, last),
        "epochs": [
            {"epoch": row["epoch"], "validation": row.get(f"validation/{metric}"), "test": value}
            for row, value in zip(history, training.tested, strict=True)
        ],
    }


def same_weights(task: Task, session: Session, last: dict[str, Any]) -> bool:
    """Whether the repetition has ended with the weights of the run, to the bit."""
    kept = load(read_weights(session.folder, SavedWeights(**last)))
    ours = task.networks.state_dict()
    return kept.keys() == ours.keys() and all(torch.equal(kept[name], ours[name].cpu()) for name in kept)
