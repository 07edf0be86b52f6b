"""An .npy file that is written row by row, hashed on the way, and appears only when it is complete."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np

from nets.files import naming


class ArrayFile:
    """Context manager that writes `path` through a partial file beside it.

    It uses plain writes and no memory map, so that a full disk raises OSError and does not kill the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type) -> None:
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        self._partial = path.with_name(f".{path.name}.partial")
        self._digest = hashlib.sha256()
        self._rows = 0

    def __enter__(self) -> "ArrayFile":
        self._file = self._partial.open("wb")
        header = io.BytesIO()
        described = np.lib.format.dtype_to_descr(self.dtype)
        np.lib.format.write_array_header_1_0(header, {"descr": described, "fortran_order": False, "shape": self.shape})
        self._write(header.getvalue())
        return self

    def append(self, rows: np.ndarray) -> None:
        """Append rows (n, ...) to the array."""
        if rows.shape[1:] != self.shape[1:] or rows.dtype != self.dtype:
            raise ValueError(f"rows are {rows.dtype} {rows.shape}, the array {self.dtype} {self.shape}")
        self._rows += len(rows)
        self._write(np.ascontiguousarray(rows).data)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes written so far."""
        return self._digest.hexdigest()

    def _write(self, content: bytes | memoryview) -> None:
        self._digest.update(content)
        with naming(self.path):
            self._file.write(content)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        try:
            with naming(self.path):
                self._file.close()
            if kind is None:
                if self._rows != self.shape[0]:
                    raise ValueError(f"{self._rows} rows written, {self.shape[0]} announced")
                os.replace(self._partial, self.path)
        finally:
            self._partial.unlink(missing_ok=True)
