"""Where data and weights are looked for, and whether they may be downloaded: what the environment says."""

import os
from pathlib import Path


def data_root() -> Path:
    """`$NETS_DATA`, or `data` in the working directory."""
    return Path(os.environ.get("NETS_DATA") or "data")


def offline() -> bool:
    """Whether NETS_OFFLINE forbids downloads."""
    return os.environ.get("NETS_OFFLINE", "0") not in ("", "0")
