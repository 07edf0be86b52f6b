"""Errors that a person can fix. Each message says in one sentence what is wrong, where, and what to do."""

import dataclasses
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

MANY = 60  # words that a message would not list
ABSENT: Any = object()  # default of a field that every entry of a table must fill in


class UserError(ValueError):
    """A mistake in what the user wrote or supplied.

    The message is one line of printable characters without endless words, whatever was quoted in it.
    """

    def __init__(self, message: object) -> None:
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(message))
        super().__init__(re.sub(r"\S{400,}", lambda word: shorten(word[0], 100), line))


class ConfigError(UserError):
    """A mistake in what the user wrote."""


class DataError(UserError):
    """Data are present, but damaged or not as described. The message names the file, the defect and the remedy."""


class SourceUnavailable(Exception):  # noqa: N818 (an outcome, not an error)
    """A source is missing. The message says how to supply it, as in "put the files into data/mnist"."""


MEMORY = (  # what errors of other types say when memory ran out
    "can't allocate memory",  # torch's allocator on CPUs
    "CUDA error: out of memory",  # where a process opens a full device
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on the device or the machine. Needs no torch."""
    named = type(error).__name__ == "OutOfMemoryError"  # torch's
    return named or isinstance(error, MemoryError) or any(words in str(error) for words in MEMORY)


def retry() -> str:
    """How a person tries the holes of the suite again that this job belongs to."""
    command = os.environ.get("NETS_RETRY")
    return f"start `{command}`" if command else "run with RETRY=1"


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return str(error).strip().partition("\n")[0]


def shorten(text: str, longest: int = 60) -> str:
    """The text, or its beginning if it is too long to be quoted in a message."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def suggest(word: str, known: Iterable[str]) -> str:
    """'did you mean …?' if a known word is similar, otherwise the known words; of many, the five nearest."""
    known = sorted(known)
    word = word[:200]
    close = difflib.get_close_matches(word, known, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(known) > MANY:
        nearest = difflib.get_close_matches(word, known, 5, cutoff=0)
        return f"there are {len(known)}, such as {', '.join(nearest)}."
    return f"there are {', '.join(known)}."


def check_complete(table: Mapping[str, Any], file: str) -> None:
    """Raise ConfigError if an entry (a dataclass) lacks a field; `file` is the file that holds the table."""
    for name, entry in table.items():
        absent = [field.name for field in dataclasses.fields(entry) if getattr(entry, field.name) is ABSENT]
        if absent:
            raise ConfigError(f"{file}: the entry {name!r} lacks {', '.join(absent)}; fill in every field.")
