"""The weights that a run starts from: those of another run, or fetched ones."""

from pathlib import Path

from safetensors.torch import load
from torch import Tensor

from nets.data.weights import WeightsFile
from nets.errors import UserError
from nets.files import read_json
from nets.run import Run, chosen_weights
from nets.trust import inside


def find_start(run: Run, paths: list[Path]) -> WeightsFile | None:
    """The start of `run` among `paths`: a run's manifest.json, or the note of nets.jobs.weights. Raises UserError.

    Of a run, these are the weights that were best on validation data, wherever its task chooses some.
    """
    if run.pretrained is None:
        return None
    note = next((path for path in paths if path.suffix == ".json"), None)
    if note is None:
        raise UserError(
            f"{run.name} starts from {run.pretrained['name']}: give its manifest or note with --pretrained."
        )
    source = read_json(note)
    if source["status"] != "ok":
        reason = f"It starts from {run.pretrained['name']}: {source['reason']}"
        return WeightsFile(source["status"], reason, None, None)
    if note.name == "manifest.json":
        weights = chosen_weights(source)
        return WeightsFile("ok", None, inside(note.parent, weights["file"]), weights["sha256"])
    return WeightsFile.read(note, run.pretrained["sha256"])


def load_start(start: WeightsFile, kind: str) -> dict[str, Tensor]:
    """The weights on the CPU, with the names that a task gives them. Raises DataError if the file was altered.

    `kind` is "run", or "weights" for a file that others made.
    """
    if kind == "run":
        return load(start.content())
    return {f"classifier.{name}": value for name, value in start.tensors().items()}
