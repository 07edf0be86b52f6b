"""Verdicts on published values follow the rules in docs/published.md."""

from types import SimpleNamespace

import pytest

from nets.reporting.tables.table import Cell, Column, Row
from nets.reporting.tables.verdicts import verdict
from nets.suite.published import Published


def row(
    mean: float, seeds: tuple | None = None, images: tuple | None = None, canonical: bool = True, **overridden
) -> Row:
    run = SimpleNamespace(
        overridden=overridden,
        data={"sources": [{"sha256": "ab"}]},
        networks={"classifier": SimpleNamespace(args={"width": 0.5})},
        recipe=SimpleNamespace(epochs=3),
    )
    raw = dict(zip(("top1_ci_low", "top1_ci_high"), seeds or (None, None), strict=True))
    raw |= dict(zip(("top1_test_low", "top1_test_high"), images, strict=True)) if images else {}
    result = SimpleNamespace(run=run, manifest={"data": {"canonical": canonical}})
    return Row("LeNet-5", [result], {"top1": Cell(f"{mean}", mean, raw=raw)})


OURS = Column("top1", "Top-1", "%", "higher", 2)
LOWER = Column("top1", "Error", "%", "lower", 2)


@pytest.mark.parametrize(
    ("found", "column", "value", "expected"),
    [
        (row(99.2, (99.0, 99.4)), OURS, Published(99.1, "x", "", ""), "reproduced"),
        (row(99.2, (99.0, 99.4)), OURS, Published(99.1, "x", "", "", differs=("training",)), "within"),
        (row(99.2, (99.0, 99.4), epochs=5), OURS, Published(99.1, "x", "", ""), "within"),
        (row(99.2, None, (99.0, 99.4)), OURS, Published(99.1, "x", "", ""), "within"),
        (row(99.2, (99.0, 99.4)), OURS, Published(98.9, "x", "", ""), "above"),
        (row(99.2, (99.0, 99.4)), OURS, Published(99.5, "x", "", ""), "below"),
        (row(99.2, (99.0, 99.4)), LOWER, Published(99.5, "x", "", ""), "above"),
        (row(99.2), OURS, Published(99.1, "x", "", ""), "open: one seed has no interval"),
        (
            row(99.2, (99.0, 99.4)),
            OURS,
            Published(99.1, "x", "", "", "second hand"),
            "not comparable: the value was not read in its source (second hand)",
        ),
        (
            row(99.2, (99.0, 99.4)),
            OURS,
            Published(99.1, "x", "", "", differs=("network", "selection")),
            "not comparable: another network; theirs is the best epoch on test images",
        ),
        (
            row(99.2, (99.0, 99.4), canonical=False, **{"model.width": 1.0}),
            OURS,
            Published(99.1, "x", "", ""),
            "not comparable: another network; a copy of the images",
        ),
    ],
)
def test_verdict(found, column, value, expected):
    assert verdict(found, column, [value]) == expected
    assert verdict(found, column, []) == ""
