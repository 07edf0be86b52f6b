"""Reads the files of results: JSON, histories and arrays."""

import csv
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from nets.errors import UserError

if TYPE_CHECKING:
    import numpy as np


def read_history(path: Path) -> dict[str, list[float]]:
    """The columns of a history; none if there is no file. An empty cell (no measurement in this epoch) is NaN."""
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}
    except (ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and train again.") from None


def read_array(path: Path) -> "np.ndarray":
    """The array of an npy file, read where it is used. Raises UserError if it is damaged."""
    import numpy as np

    try:
        return np.load(path, mmap_mode="r")
    except (ValueError, OSError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run its stage again.") from None


def read_arrays(path: Path, *names: str) -> "dict[str, np.ndarray]":
    """The arrays of an npz file: those of these names that it has, or all if none is named.

    A hole, a run without a result, has an empty file and no arrays.
    """
    import numpy as np

    if not path.exists() or not path.stat().st_size:
        return {}
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files if name in names or not names}
    except (ValueError, OSError, MemoryError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run its stage again.") from None
