"""What comes from files and is believed nowhere: names, paths and links. And what must not get into files: passwords.

A name from a file becomes a path only through `check_name` or `inside`. Folders of results are read, written and
deleted from only after `refuse_links`. docs/trust.md says which files are code and which are data.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from nets.errors import UserError

HIDDEN = "***"
NAME = re.compile(r"\w[\w.+-]{0,199}")
LOGIN = re.compile(r"\b([A-Za-z][\w+.-]*://)[^\s/'\"<>]*@")  # scheme://user:password@
QUERY = re.compile(r"(?i)([?&;][\w.-]*(?:token|secret|passw|key|sig|auth|credential)[\w.-]*=)[^&;\s#'\"<>]+")
SECRET = re.compile(r"(?i)token|passw|secret|api_?key|access_?key|credential")  # in names of environment variables
SHORTEST = 6  # characters of a secret that is hidden wherever it appears, not only in an address


known_builders: Callable[[], set[str]] | None = None  # what models.yaml marks as builders; set by jobs, None elsewhere


def check_name(text: Any, what: str) -> str:
    """The text, if it is a plain name: no separator, no leading dot or dash. Raises UserError, with `what` it is."""
    if not isinstance(text, str) or not NAME.fullmatch(text):
        raise UserError(f"{what} is {text!r}, which is not a name; write letters, digits, '_', '-', '+' and '.'.")
    return text


def inside(folder: Path, *parts: str) -> Path:
    """A path below a folder. Raises UserError if it leads out of the folder, by `..`, by a root or by a link."""
    path = folder.joinpath(*parts)
    if not is_below(os.path.realpath(path), os.path.realpath(folder)):
        raise UserError(f"{path} leads out of {folder}; correct the name, or remove the link.")
    return path


def is_below(path: str, folder: str) -> bool:
    """Whether an absolute path without links is below a folder of that kind."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def refuse_links(folder: Path) -> None:
    """Raise UserError if something below a folder is a link that leads out of it, or is neither file nor folder.

    The folder itself may be a link, as that to a larger disk.
    """
    root, waiting = os.path.realpath(folder), [os.fspath(folder)]
    while waiting:
        for entry in entries(waiting.pop()):
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                if target != root and not is_below(target, root):
                    raise UserError(
                        f"{entry.path} is a link out of {folder}, to {target}; remove it, or copy what it means."
                    )
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not entry.is_file(follow_symlinks=False) and os.path.lexists(entry.path):
                raise UserError(f"{entry.path} is neither a file nor a folder; remove it.")


def entries(folder: str) -> list[os.DirEntry]:
    """What a folder holds; nothing if it is gone or can't be read."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def open_plain(path: Path, flags: int = os.O_RDONLY) -> IO[bytes]:
    """Open a file that is no link, no device and no pipe; `flags` as for `os.open`. Raises UserError for these."""
    if path.is_symlink():
        raise UserError(f"{path} is a link; remove it.")
    number = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise UserError(f"{path} is not a plain file; remove it.")
    return os.fdopen(number, "rb" if flags == os.O_RDONLY else "r+b")


def without_login(text: str) -> str:
    """A text whose addresses have no user, password or token."""
    return QUERY.sub(rf"\1{HIDDEN}", LOGIN.sub(rf"\1{HIDDEN}@", text))


def redacted(text: str) -> str:
    """A text without passwords and tokens: those in addresses, and those in this process's environment."""
    for secret in secrets():
        text = text.replace(secret, HIDDEN)
    return without_login(text)


def secrets() -> Iterator[str]:
    """The passwords and tokens in the environment, the longest first."""
    found: set[str] = set()
    for key, value in os.environ.items():
        found |= {value} if SECRET.search(key) else set()
        if login := re.match(r"[\w+.-]+://(.*)@", value):
            password = login[1].partition(":")[2]
            found |= {password, unquote(password)}
    return iter(sorted((secret for secret in found if len(secret) >= SHORTEST), key=len, reverse=True))


class Redacted:
    """A text stream that hides passwords and tokens."""

    def __init__(self, stream: Any):
        self.stream = stream

    def write(self, text: str) -> int:
        """Write without secrets; returns the number of characters of `text`."""
        self.stream.write(redacted(text))
        return len(text)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.stream, attribute)
