"""The weights that a run starts from, as the job before it left them: of another run, or fetched."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from nets.errors import UserError
from nets.files import sha256
from nets.run import Run


@dataclass(frozen=True)
class Start:
    """Weights in a file, or the reason why there are none."""

    status: str
    reason: str | None
    file: Path | None
    sha256: str | None

    def load(self) -> dict[str, Tensor]:
        """The weights on the CPU, named as the networks of a task. Raises UserError where the file was altered."""
        if sha256(self.file) != self.sha256:
            raise UserError(f"{self.file} has changed (its SHA-256 is not {self.sha256}); make it again.")
        if self.file.suffix == ".safetensors":
            return load_file(self.file)
        state = torch.load(self.file, map_location="cpu", weights_only=True)
        return {f"classifier.{name}": value for name, value in state.items()}


def find_start(run: Run, paths: list[Path]) -> Start | None:
    """What `run` starts from, of `paths`: a run's manifest.json, or the JSON of nets.jobs.weights. Raises UserError."""
    if run.pretrained is None:
        return None
    note = next((path for path in paths if path.suffix == ".json"), None)
    if note is None:
        raise UserError(f"{run.name} starts from {run.pretrained['name']}: say --pretrained with its manifest or note.")
    found = json.loads(note.read_text())
    if found["status"] != "ok":
        return Start(found["status"], f"It starts from {run.pretrained['name']}: {found['reason']}", None, None)
    if note.name == "manifest.json":
        weights = found["weights"]["last"]
        return Start("ok", None, note.with_name(weights["file"]), weights["sha256"])
    return Start("ok", None, Path(found["file"]), found["sha256"])
