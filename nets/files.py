"""Files that appear complete or not at all, and the hashes that identify their content."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from nets.errors import DataError, UserError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. It is renamed to `path` if the block succeeds, and removed if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))  # through no link
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically. Raises ValueError for NaN and infinities, which JSON lacks."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def check_writable(folder: Path) -> None:
    """Raise UserError if files can't be created in a folder. The folder need not exist yet."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"{existing} is a file where a folder should be; move it away.")
    effective = os.access in os.supports_effective_ids
    if not os.access(existing, os.W_OK | os.X_OK, effective_ids=effective):
        raise UserError(f"{existing} can't be written; allow it, or choose another folder with --directory.")


def sha256(content: Path | bytes | BufferedReader) -> str:
    """The SHA-256 of a file or of bytes, in hex; of an open file, from its start to its end."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    if isinstance(content, Path):
        with open(content, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    content.seek(0)
    return hashlib.file_digest(content, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:
    """The SHA-256 of a value as JSON, in hex; the order of keys does not matter."""
    return sha256(json.dumps(value, sort_keys=True).encode())


def verify(content: bytes | BufferedReader, expected: str, remedy: str, name: str) -> None:
    """Raise DataError unless bytes, or an open file, have the SHA-256 `expected`; `name` names them in the message.

    A path is not taken: the file that is opened after a check may be another one. See `read_verified`.
    """
    actual = sha256(content)
    if actual != expected:
        raise DataError(f"{name} is damaged: its SHA-256 is {actual}, expected {expected}; {remedy}.")


def read_verified(path: Path, expected: str, remedy: str) -> bytes:
    """The content of a file, read once. Raises DataError unless it has the SHA-256 `expected`."""
    content = path.read_bytes()
    verify(content, expected, remedy, str(path))
    return content
