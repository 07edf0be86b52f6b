"""Errors that a person can fix. Each message says in one sentence what is wrong, where, and what to do."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

ABSENT: Any = object()  # default of a field that every entry of a table must fill in


class UserError(ValueError):
    """A mistake in what the user wrote or supplied."""


class ConfigError(UserError):
    """A mistake in what the user wrote."""


class DataError(UserError):
    """Data are present, but damaged or not as described. The message names the file, the defect and the remedy."""


class SourceUnavailable(Exception):  # noqa: N818 (an outcome, not an error)
    """A source is missing. The message says how to supply it, as in "put the files into data/mnist"."""


def suggest(word: str, known: Iterable[str]) -> str:
    """'did you mean …?' if a known word is similar, otherwise the list of known words."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."


def check_complete(table: Mapping[str, Any], file: str) -> None:
    """Raise ConfigError if an entry (a dataclass) lacks a field; `file` is the file that holds the table."""
    for name, entry in table.items():
        absent = [field.name for field in dataclasses.fields(entry) if getattr(entry, field.name) is ABSENT]
        if absent:
            raise ConfigError(f"{file}: the entry {name!r} lacks {', '.join(absent)}; fill in every field.")
