"""Every two rows of a table tested against each other, for a reader who compares two of them."""

from itertools import combinations
from typing import Any

from nets.reporting.statistics import Difference, holm
from nets.reporting.tables.best import difference, seeds_needed
from nets.reporting.tables.table import Table

MOST = 40  # rows, the best ones: 780 pairs


def pairs(table: Table) -> dict[str, Any] | None:
    """The content of `<table>-pairs.json`; None if no two rows can be tested.

    P-values are two-sided, also Holm-corrected for all pairs of the table. Pairs without a test are left out.
    """
    headline, rows = table.headline, table.ranked[:MOST]
    if headline is None or headline.direction == "none":
        return None
    found: list[tuple[tuple[str, str], Difference]] = []
    for first, second in combinations(rows, 2):
        if tested := difference(first, second, headline):
            found.append(((first.name, second.name), tested))
    if not found:
        return None
    corrected = holm([tested.p for _, tested in found])
    return {
        "table": table.name,
        "metric": headline.metric,
        "unit": headline.unit,
        "rows": [row.name for row in rows],
        "left_out": len(table.ranked) - len(rows),
        "pairs": [
            {"rows": list(names), "test": tested.test, "difference": tested.value, "n": tested.n, "p": tested.p}
            | {"p_holm": p, "seeds_to_tell": seeds_needed(tested)}
            for (names, tested), p in zip(found, corrected, strict=True)
        ],
    }
