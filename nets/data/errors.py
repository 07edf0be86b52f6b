"""What can go wrong with data. The message of each is for the person at the keyboard."""

from nets.errors import UserError


class DataError(UserError):
    """Data are there but damaged, or not as described: one sentence with file, finding and remedy."""


class SourceUnavailable(Exception):  # noqa: N818 (an answer, not an error)
    """A source is not there. The message is what would supply it, as in "put the files into data/mnist"."""
