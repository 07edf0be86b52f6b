"""How a measured value stands to a published one: rules that docs/published.md states in words."""

from collections.abc import Sequence

from nets.metrics.metric import LEAKED
from nets.reporting.tables.literature import changes, copied
from nets.reporting.tables.table import Column, Row
from nets.suite.published import Published

REPRODUCED, WITHIN, ABOVE, BELOW = "reproduced", "within", "above", "below"
INCOMPARABLE, OPEN = "not comparable", "open"


def verdict(row: Row, column: Column, values: Sequence[Published]) -> str:
    """The verdict on a row's mean beside the first of these published values, with its reason; empty without a value.

    `reproduced` and `within`: the value is in our 95 % interval; the first if that is over seeds, and network and
    training are the same. `above` and `below`: it is not, and ours is better or worse. `open`: ours has no interval.
    """
    ours = row.cells[column.key]
    if not values or ours.sort is None:
        return ""
    if why := incomparable(row, column, values[0]):
        return f"{INCOMPARABLE}: {why}"
    low, high = (ours.raw.get(f"{column.key}_ci_{end}", None) for end in ("low", "high"))
    seeds = low is not None
    if not seeds:
        low, high = (ours.raw.get(f"{column.key}_test_{end}", None) for end in ("low", "high"))
    published = values[0].value
    if low is None or high is None:
        return f"{OPEN}: one seed has no interval"
    if low <= published <= high:
        return REPRODUCED if seeds and not differing(row, values[0]) else WITHIN
    return ABOVE if (ours.sort > published) == (column.direction == "higher") else BELOW


def incomparable(row: Row, column: Column, value: Published) -> str:
    """Why ours can't be set beside a published value; empty if it can."""
    result = row.results[0]
    narrower = [key for key in result.run.overridden if key.startswith("model.")]
    reasons = {
        f"the value was not read in its source ({value.checked})": not value.verified,
        "another network": "network" in value.differs or bool(narrower),
        "theirs is the best epoch on test images": "selection" in value.differs and not column.metric.endswith(LEAKED),
        "a copy of the images": bool(copied(result)),
    }
    return "; ".join(reason for reason, holds in reasons.items() if holds)


def differing(row: Row, value: Published) -> bool:
    """Whether a published value has another network or training than our row."""
    return bool(value.differs or changes(row.results[0].run))
