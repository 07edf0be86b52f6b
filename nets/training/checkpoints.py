"""Rolling checkpoints: the whole state of a run, written atomically, keyed by the run's description and source.

Their names also hold the kind of device and the number type. Where a run starts on another kind, it starts from the
beginning: half a training on a CPU and half on a GPU would have the bits of neither.

When the run has ended, second names (hard links) of its results replace them. Snakemake deletes a job's results if it
missed the job's end, or if another job of the same group failed; they are then restored from the second names. If they
have been damaged since, the run trains again.
"""

import hashlib
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from nets.files import naming, sha256, write_json
from nets.trust import check_name

KEPT = 2  # if the newest is damaged, the one before it is used
DIGESTS = "sha256.json"  # of a finished run's results


class Checkpoints:
    """The checkpoints of one run, in a folder that Snakemake does not know and therefore does not delete."""

    def __init__(self, folder: Path, digest: str, kind: str):
        """`digest` is the key of the run's checkpoints, `kind` what computes here, such as `cuda-bfloat16`.

        Checkpoints of another key or kind are never read. The results of a finished run are put back on any kind.
        """
        self.folder, self.key, self.kind = folder, digest[:16], kind
        self.finished = folder / f"{self.key}-finished"

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps; the file appears complete or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getbuffer()
        path = self.folder / f"{self.key}-{self.kind}-{step:09d}.pt"
        temporary = path.with_suffix(".tmp")
        try:
            with naming(path), open(temporary, "wb") as file:
                file.write(hashlib.sha256(data).digest())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:  # a full disk leaves no partial file
            temporary.unlink(missing_ok=True)
        for old in self.paths()[:-KEPT]:
            old.unlink()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The newest undamaged state, or None."""
        for path in reversed(self.paths()):
            content = path.read_bytes()
            if hashlib.sha256(content[32:]).digest() == content[:32]:
                return torch.load(io.BytesIO(content[32:]), map_location=device, weights_only=True)
        return None

    def paths(self) -> list[Path]:
        """Checkpoints with this key and of this kind, oldest first."""
        pattern = re.compile(rf"{self.key}-{re.escape(self.kind)}-\d{{9}}\.pt")
        return sorted(p for p in self.folder.glob("*.pt") if pattern.fullmatch(p.name))

    def other_kinds(self) -> list[str]:
        """The kinds of device on which this run has left checkpoints, without this one."""
        found = (re.fullmatch(rf"{self.key}-(.+)-\d{{9}}\.pt", path.name) for path in self.folder.glob("*.pt"))
        return sorted({match[1] for match in found if match} - {self.kind})

    def clear(self) -> None:
        """Remove all checkpoints, including those with other keys."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, results: list[Path]) -> None:
        """Replace the checkpoints of a finished run with second names of its results."""
        waiting = self.folder / "finishing"
        shutil.rmtree(waiting, ignore_errors=True)
        waiting.mkdir(parents=True)
        for path in results:
            link(path, waiting / path.name)
        write_json(waiting / DIGESTS, {path.name: sha256(path) for path in results})
        shutil.rmtree(self.finished, ignore_errors=True)
        os.replace(waiting, self.finished)
        for path in self.folder.iterdir():
            if path != self.finished:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def put_back(self, folder: Path) -> bool:
        """Restore the results of a finished run in `folder`; False if it has not finished or they are damaged."""
        try:
            digests = json.loads((self.finished / DIGESTS).read_text(encoding="utf-8"))
            files = {check_name(name, f"A file in {self.finished / DIGESTS}"): digests[name] for name in digests}
            whole = all(sha256(self.finished / name) == digest for name, digest in files.items())
        except (FileNotFoundError, NotADirectoryError, ValueError):  # a temporary disk fault is raised
            whole = False
        if not whole:
            shutil.rmtree(self.finished, ignore_errors=True)
            return False
        for name in digests:
            (folder / name).unlink(missing_ok=True)
            link(self.finished / name, folder / name)
        return True


def link(path: Path, other: Path) -> None:
    """Give a file a second name, or copy it if the file system has no hard links."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copy2(path, other)
