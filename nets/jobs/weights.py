"""Fetch and verify weights that others trained; what can't be had is noted, not fatal.

python -m nets.jobs.weights --weights inception --output results/weights/inception.json
"""

import argparse
import os
import socket
import sys
from http.client import HTTPException
from pathlib import Path
from typing import Any

from nets.errors import UserError, suggest
from nets.files import sha256, write_json
from nets.jobs.common import run_job
from nets.suite.catalogues import ROOT, load_catalogues

TIMEOUT = 20  # seconds without an answer


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and fetch."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.weights", description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True, metavar="NAME", help="an entry of weights.yaml")
    parser.add_argument("--output", type=Path, required=True, help="JSON that says where they lie, or why they don't")
    parser.add_argument("--file", type=Path, help="a file that has them; verified all the same")
    beside = Path(os.environ.get("NETS_CATALOGUES") or ROOT / "config")
    parser.add_argument("--catalogues", type=Path, default=beside, help="folder with a weights.yaml of yours")
    args = parser.parse_args(argv)
    return run_job(lambda: write_json(args.output, fetch(find(args.weights, args.catalogues), args.file)))


def find(name: str, folder: Path) -> dict[str, Any]:
    """An entry of the project's catalogue, or of one in `folder`. Raises UserError."""
    known = load_catalogues(folder)["weights"]
    if name not in known:
        raise UserError(f"weights.yaml has no {name!r}; {suggest(name, known)}")
    return known[name]


def fetch(entry: dict[str, Any], given: Path | None = None) -> dict[str, str | None]:
    """Weights from a given file, `$NETS_DATA/weights`, torch's own cache, or a download; verified by SHA-256."""
    import torch.hub

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
        found = f"its SHA-256 begins with {digest[: len(prefix)]}, not {prefix}"
        return hole(f"{present} is damaged ({found}); delete it: {supply}.")
    return {"status": "ok", "reason": None, "file": str(present), "sha256": digest}


def hole(reason: str) -> dict[str, str | None]:
    """The note that weights can't be had."""
    return {"status": "no_data", "reason": reason, "file": None, "sha256": None}


if __name__ == "__main__":
    sys.exit(main())
