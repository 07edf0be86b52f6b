"""Files that appear complete or not at all, and the hashes that identify their content."""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from nets.errors import ConfigError, DataError, UserError

LARGEST_FILE = 5_000_000  # bytes of a text that a person wrote
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. It is renamed to `path` if the block succeeds, and removed if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))  # through no link
    try:
        with naming(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that names no file, as that of a write to a full disk, name the file that is written here."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def open_regular(path: Path, remedy: str = "remove it") -> BufferedReader:
    """Open a file for reading. Raises DataError for a folder, a device, and a pipe, which may never end."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise DataError(f"{path} is not a regular file; {remedy}.")
    return open(number, "rb")


def read_text(path: Path, what: str, piped: bool = False) -> str:
    """The text of a file that a person wrote; `what` names its kind, such as "table". Raises ConfigError.

    `piped`: the file may be a pipe, as `<(command)` in a shell; any other pipe might be waited for for ever.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if piped else os.O_NONBLOCK))
        with open(number, "rb") as file:
            kind = os.fstat(number).st_mode
            if not (stat.S_ISREG(kind) or (piped and stat.S_ISFIFO(kind))):
                raise ConfigError(f"{path}: the {what} is not a regular file; give the path of a text file.")
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ConfigError(f"{path}: the {what} has more than {LARGEST_FILE / 1e6:.0f} MB; shorten it.")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path.absolute()}: the {what} can't be read ({error.strerror}); check its path.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; save the {what} as UTF-8.") from None
    if found := CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigError(f"{path}, line {line}: the {what} has the control character {found[0]!r}; remove it.")
    return text


def read_json(path: Path, again: str = "delete it and run its stage again") -> dict[str, Any]:
    """The content of a JSON file, which holds keys. Raises DataError if it is missing or broken; `again` says what to
    do then.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no keys")
        return content
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run the stage that writes it first.") from None
    except (ValueError, RecursionError, IsADirectoryError) as error:
        raise DataError(f"{path} can't be read as JSON ({error}); {again}.") from None


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
        with open_regular(content) as file:
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


def read_verified(path: Path, expected: str, remedy: str, most: int | None = None) -> bytes:
    """The content of a file, read once. Raises DataError unless it has the SHA-256 `expected`, and `most` bytes."""
    content = read_bounded(path, remedy, most)
    verify(content, expected, remedy, str(path))
    return content


def read_bounded(path: Path, remedy: str, most: int | None = None) -> bytes:
    """The content of a regular file. Raises DataError for another one, and before it reads more than `most` bytes."""
    with open_regular(path, remedy) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise DataError(f"{path} has {size:,} bytes, more than {most:,}; {remedy}.")
        return file.read(size)
