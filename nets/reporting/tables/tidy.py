"""The tidy table of all numbers, `metrics.csv`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nets.reporting.results import Result

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("run", "model", "dataset", "task", "variant", "seed", "status", "split", "metric", "value", "direction")


def tidy(results: Iterable[Result]) -> "pd.DataFrame":
    """One row per number, as in metrics.csv; a hole has one row without a metric."""
    import pandas as pd

    rows = []
    for result in results:
        common = {key: getattr(result.run, key) for key in COLUMNS[1:6]} | {"run": result.name, "status": result.status}
        rows += [common | {key: getattr(number, key) for key in COLUMNS[7:]} for number in result.numbers]
        rows += [] if result.numbers else [common]
    return pd.DataFrame(rows, columns=list(COLUMNS))
