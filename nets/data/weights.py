"""Weights that others trained, verified: from a given file, `$NETS_DATA/weights`, torch's cache, or a download.

If they are not available, the result is a hole: a status and a reason in place of the weights. A file of weights is a
pickle. So it is read once, compared with its whole SHA-256, and unpickled by torch's loader for tensors alone.
"""

import io
import pickle
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import safetensors.torch
import torch.hub
from torch import Tensor

from nets.data.places import data_root, offline
from nets.errors import DataError, first_line, retry
from nets.files import atomic, read_json, read_verified, sha256
from nets.trust import without_login

TIMEOUT = 20  # seconds to wait for an answer
HOLDERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "network",
    "net",
    "module",
    "weights",
    "params",
    "state_dict_ema",
    "model_ema",
)


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, or the reason why there is none."""

    status: str  # "ok", or "no_data" for a hole
    reason: str | None
    file: Path | None
    sha256: str | None

    @classmethod
    def read(cls, note: Path, digits: str) -> "WeightsFile":
        """Read a file that holds `to_json`; `digits` are those of the SHA-256 in weights.yaml.

        Raises DataError if the note names other weights: it may come from elsewhere.
        """
        content = read_json(note)
        try:
            weights = cls(**content | {"file": content["file"] and Path(content["file"])})
        except (TypeError, KeyError):
            raise DataError(f"{note} is no note of weights; delete it, and it is made again.") from None
        if weights.status == "ok" and not is_known(weights.sha256, digits):
            raise DataError(f"{note} names other weights than weights.yaml; delete it, and it is made again.")
        return weights

    def to_json(self) -> dict[str, str | None]:
        """The content of the file that the rule `weights` writes."""
        return vars(self) | {"file": self.file and str(self.file)}

    def content(self) -> bytes:
        """The verified content of the file. Raises DataError if it has changed, or if there is no file."""
        if self.file is None or self.sha256 is None:
            raise DataError(self.reason)
        return read_verified(self.file, self.sha256, "delete it and make it again")

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of somebody's checkpoint, on the CPU, by name; see `unwrapped`.

        Runs no code in the file. Raises DataError as `content`, and for a file without a network's tensors.
        """
        content = self.content()
        try:
            if content[8:9] == b"{":  # safetensors: the length of a JSON header, then the header
                found = safetensors.torch.load(content)
            else:
                found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, safetensors.SafetensorError) as error:
            # Of an unpickler's message, torch makes advice on how to run the file's code.
            detail = "" if isinstance(error, pickle.UnpicklingError) else f" ({first_line(error)})"
            reason = f"holds more than tensors, or is no such file{detail}"
            raise DataError(f"{self.file} {reason}; save only the network's state_dict().") from None
        tensors = unwrapped(found)
        if not tensors:
            raise DataError(f"{self.file} holds no state_dict (tensors by name); save the network's state_dict().")
        return tensors


def unwrapped(found: Any) -> dict[str, Tensor]:
    """A network's tensors by name, from what training programs save: beside an epoch, an optimizer, averaged weights.

    Returns nothing if there are no tensors by name.
    """
    if not isinstance(found, Mapping):
        return {}
    if not all(isinstance(value, Tensor) for value in found.values()):
        inner = [unwrapped(found.get(key)) for key in HOLDERS]
        return next(filter(None, inner), {})
    return dict(found)


def folder() -> Path:
    """Where weights are kept: `$NETS_DATA/weights`."""
    return data_root() / "weights"


def whole_sha256(entry: Mapping[str, Any]) -> str | None:
    """All 64 digits of an entry's SHA-256: the catalogue's, or those of the first download; None before that."""
    pin = pin_of(entry["url"])
    return entry.get("sha256") or (pin.read_text(encoding="utf-8").strip() if pin.exists() else None)


def is_known(sha256: Any, digits: str) -> bool:
    """Whether a SHA-256 is that of the catalogue: equal, or pinned if the catalogue has only its first digits."""
    if len(digits) == 64:
        return sha256 == digits
    pinned = (path.read_text(encoding="utf-8").strip() for path in folder().glob("*.sha256"))
    return bool(digits) and sha256 in pinned and sha256.startswith(digits)


def file_name(url: str) -> str:
    """The name of the file at an address."""
    return Path(urlsplit(url).path).name


def pin_of(url: str) -> Path:
    """Where the SHA-256 of a file is kept that was downloaded while only its first digits were known."""
    return folder() / f"{file_name(url)}.sha256"


def fetch(entry: dict[str, Any], given: Path | None = None) -> WeightsFile:
    """The weights of an entry of weights.yaml, or a hole with its reason.

    If the entry has only the first digits of the hash, which anybody can forge, a first download from the entry's
    address pins the others; a file that is already here can't.
    """
    url = entry["url"]
    filename = file_name(url)
    own = folder() / filename
    cached = Path(torch.hub.get_dir()) / "checkpoints" / filename
    places = [given or Path(url)] if given or "://" not in url else [own, cached]
    expected = whole_sha256(entry)
    if expected is None and places[0].exists():
        return hole(
            f"{places[0]} can't be verified: only the first digits of its SHA-256 are known. Move it away, and it is "
            f"downloaded; or, if you trust it, write `sha256: {sha256(places[0])}` into its entry in your weights.yaml."
        )
    present = next((path for path in places if path.exists()), None) if expected else None
    supply = f"put {filename} into {own.parent} and {retry()}"
    if present is None and own not in places:
        return hole(f"{entry['title']} should be in {places[0]}; put it there and {retry()}.")
    if present is None and offline():
        return hole(f"{filename} is not here and NETS_OFFLINE forbids the download; {supply}.")
    if present is None:
        try:
            download(url, own, expected or entry["first_digits"])
        except (OSError, HTTPException, RuntimeError) as error:
            return hole(f"{filename} could not be downloaded ({without_login(str(error))}); {supply}.")
        present = own
    digest = sha256(present)
    if expected is None:
        pin(url, digest)
    elif digest != expected:
        return hole(f"{present} is damaged (its SHA-256 is {digest}, not {expected}); delete it: {supply}.")
    return WeightsFile("ok", None, present, digest)


def download(url: str, target: Path, digits: str) -> None:
    """Download a file whose SHA-256 begins with `digits`. Raises OSError, HTTPException or RuntimeError."""
    if len(digits) < 64 and not url.startswith("https://"):
        raise RuntimeError("only an address with https:// can be trusted for a file without a whole SHA-256")
    socket.setdefaulttimeout(TIMEOUT)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.hub.download_url_to_file(url, str(target), hash_prefix=digits, progress=False)


def pin(url: str, digest: str) -> None:
    """Keep the SHA-256 of a first download, and say so."""
    path = pin_of(url)
    with atomic(path) as temporary:
        temporary.write_text(f"{digest}\n", encoding="utf-8")
    known = f"only the first digits of its SHA-256 were known; from now on it must be {digest}"
    print(f"{url}: {known}, which is in {path}; keep that file.")


def hole(reason: str) -> WeightsFile:
    """The result for weights that are not available."""
    return WeightsFile("no_data", reason, None, None)
