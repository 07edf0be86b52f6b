"""Rolling checkpoints: all state of a run, written atomically, keyed by the run's description."""

import hashlib
import io
import os
import re
from pathlib import Path
from typing import Any

import torch

KEPT = 2  # if the newest is damaged, the one before it serves


class Checkpoints:
    """The checkpoints of one run in a folder that Snakemake does not know and so does not delete."""

    def __init__(self, folder: Path, digest: str):
        """`digest` is the run's: checkpoints of another description are never read."""
        self.folder, self.key = folder, digest[:16]

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps; the file appears whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getbuffer()
        path = self.folder / f"{self.key}-{step:09d}.pt"
        temporary = path.with_suffix(".tmp")
        with open(temporary, "wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        for old in self.paths()[:-KEPT]:
            old.unlink()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The newest state that is whole, or None."""
        for path in reversed(self.paths()):
            content = path.read_bytes()
            if hashlib.sha256(content[32:]).digest() == content[:32]:
                return torch.load(io.BytesIO(content[32:]), map_location=device, weights_only=True)
        return None

    def paths(self) -> list[Path]:
        """Checkpoints of this description, oldest first."""
        pattern = re.compile(rf"{self.key}-\d{{9}}\.pt")
        return sorted(p for p in self.folder.glob("*.pt") if pattern.fullmatch(p.name))

    def clear(self) -> None:
        """Remove all checkpoints of the run, also those of other descriptions."""
        for path in self.folder.glob("*"):
            path.unlink()
        if self.folder.exists():
            self.folder.rmdir()
