"""Weights that others trained, verified: from a given file, `$NETS_DATA/weights`, torch's cache, or a download.

If they are not available, the result is a hole: a status and a reason in place of the weights.
"""

import json
import os
import socket
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch.hub

from nets.errors import DataError
from nets.files import sha256, verify

TIMEOUT = 20  # seconds to wait for an answer


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, or the reason why there is none."""

    status: str  # "ok", or "no_data" for a hole
    reason: str | None
    file: Path | None
    sha256: str | None

    @classmethod
    def read(cls, note: Path) -> "WeightsFile":
        """Read a file that holds `to_json`."""
        content = json.loads(note.read_text(encoding="utf-8"))
        return cls(**content | {"file": content["file"] and Path(content["file"])})

    def to_json(self) -> dict[str, str | None]:
        """The content of the file that the rule `weights` writes."""
        return vars(self) | {"file": self.file and str(self.file)}

    def verified(self) -> Path:
        """The file, once verified. Raises DataError if it has changed, or if there is none."""
        if self.file is None or self.sha256 is None:
            raise DataError(self.reason)
        verify(self.file, self.sha256, "delete it and make it again")
        return self.file


def fetch(entry: dict[str, Any], given: Path | None = None) -> WeightsFile:
    """The weights of an entry of weights.yaml, or a hole with its reason."""
    url, prefix = entry["url"], entry["sha256"]
    filename = Path(url).name
    own = Path(os.environ.get("NETS_DATA") or "data") / "weights" / filename
    cached = Path(torch.hub.get_dir()) / "checkpoints" / filename
    places = [given or Path(url)] if given or "://" not in url else [own, cached]
    present = next((path for path in places if path.exists()), None)
    supply = f"put {filename} into {own.parent} and run with RETRY=1"
    if present is None and own not in places:
        return hole(f"{entry['title']} should be in {places[0]}; put it there and run with RETRY=1.")
    if present is None and os.environ.get("NETS_OFFLINE", "0") not in ("", "0"):
        return hole(f"{filename} is not here and NETS_OFFLINE forbids the download; {supply}.")
    if present is None:
        socket.setdefaulttimeout(TIMEOUT)
        try:
            own.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(own), hash_prefix=prefix, progress=False)
        except (OSError, HTTPException, RuntimeError) as error:
            return hole(f"{filename} could not be downloaded ({error}); {supply}.")
        present = own
    digest = sha256(present)
    if not digest.startswith(prefix):
        difference = f"its SHA-256 begins with {digest[: len(prefix)]}, not {prefix}"
        return hole(f"{present} is damaged ({difference}); delete it: {supply}.")
    return WeightsFile("ok", None, present, digest)


def hole(reason: str) -> WeightsFile:
    """The result for weights that are not available."""
    return WeightsFile("no_data", reason, None, None)
