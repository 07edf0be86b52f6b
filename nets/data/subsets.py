"""Some classes of a source, as a data set of its own."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from nets.data.loaded import Loaded, Part


def choose(loaded: Loaded, of: list[str] | int | None, classes: list[str] | int | None) -> Loaded:
    """The images of `classes`, some of those that the source has; labels are numbered anew, in this order."""
    if of == classes:
        return loaded
    numbers = np.full(len(of), -1)
    numbers[[of.index(name) for name in classes]] = np.arange(len(classes))
    parts = {name: getattr(loaded, name) for name in ("learning", "test")}
    return dataclasses.replace(loaded, **{name: part and _choose(part, numbers) for name, part in parts.items()})


def _choose(part: Part, numbers: np.ndarray) -> Part:
    labels = numbers[part.labels]

    def chunks() -> Iterator[np.ndarray]:
        start = 0
        for chunk in part.chunks():
            yield chunk[labels[start : start + len(chunk)] >= 0]
            start += len(chunk)

    return Part(labels[labels >= 0], chunks)
