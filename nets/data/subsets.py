"""A data set made of some classes of a source."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from nets.data.loaded import Loaded, Part


def choose(loaded: Loaded, of: list[str], classes: list[str]) -> Loaded:
    """The images of `classes`, a selection of the source's classes `of`; their order defines the new labels."""
    numbers = np.full(len(of), -1)
    numbers[[of.index(name) for name in classes]] = np.arange(len(classes))
    learning, test = _choose(loaded.learning, numbers), loaded.test and _choose(loaded.test, numbers)
    return dataclasses.replace(loaded, learning=learning, test=test)


def _choose(part: Part, numbers: np.ndarray) -> Part:
    labels = numbers[part.labels]

    def chunks() -> Iterator[np.ndarray]:
        start = 0
        for chunk in part.chunks():
            yield chunk[labels[start : start + len(chunk)] >= 0]
            start += len(chunk)

    return Part(labels[labels >= 0], chunks)
