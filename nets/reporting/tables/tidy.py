"""The tidy table of all numbers, `metrics.csv`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nets.reporting import glossary
from nets.reporting.results import Result

if TYPE_CHECKING:
    import pandas as pd

OF_RUN = ("model", "dataset", "task", "variant", "seed")
OF_NUMBER = ("split", "metric", "value", "direction")
COLUMNS = ("run", *OF_RUN, "status", *OF_NUMBER, "class")


def tidy(results: Iterable[Result]) -> "pd.DataFrame":
    """One row per number, as in metrics.csv; a hole has one row without a metric."""
    import pandas as pd

    rows = []
    for result in results:
        common = {key: getattr(result.run, key) for key in OF_RUN} | {"run": result.name, "status": result.status}
        rows += [common | {key: getattr(number, key) for key in OF_NUMBER} for number in result.numbers]
        for metric, values in result.classes.items():
            same = common | {"split": "test", "metric": metric, "direction": glossary.describe(metric).direction}
            names = result.class_labels(len(values))
            rows += [same | {"value": v, "class": name} for v, name in zip(values, names, strict=True)]
        rows += [] if result.numbers else [common]
    return pd.DataFrame(rows, columns=list(COLUMNS))
