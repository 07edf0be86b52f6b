"""Errors that a person can mend, and their words."""

import difflib
from collections.abc import Iterable


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
