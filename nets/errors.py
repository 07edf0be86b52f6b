"""Errors that a person can mend, and their words."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

ABSENT: Any = object()  # in an entry of one of the project's tables, a field that was left out


class UserError(ValueError):
    """A mistake in what the user wrote or supplied: one sentence that says what, where, and what to do."""


class ConfigError(UserError):
    """A mistake in what the user wrote: one sentence that says what, where, and what to do."""


class DataError(UserError):
    """Data are there but damaged, or not as described: one sentence with file, finding and remedy."""


class SourceUnavailable(Exception):  # noqa: N818 (an answer, not an error)
    """A source is not there. The message is what would supply it, as in "put the files into data/mnist"."""


def suggest(word: str, known: Iterable[str]) -> str:
    """'did you mean …?' where something is close, else what there is."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."


def check_complete(table: Mapping[str, Any], file: str) -> None:
    """Raise ConfigError for an entry, a dataclass, that lacks a field; `file` is where the table stands."""
    for name, entry in table.items():
        absent = [field.name for field in dataclasses.fields(entry) if getattr(entry, field.name) is ABSENT]
        if absent:
            raise ConfigError(f"{file}: the entry {name!r} lacks {', '.join(absent)}; fill in every field.")
