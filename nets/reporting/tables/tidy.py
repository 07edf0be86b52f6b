"""The tidy table of all numbers, `metrics.csv`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nets.errors import UserError
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


def read_tidy(path: Path) -> "pd.DataFrame":
    """A table that `tidy` made. Raises UserError if it is missing or is none."""
    import pandas as pd

    if not path.is_file():
        raise UserError(f"{path} is missing; run the suite first, or check the path.")
    table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""], "seed": [""]})
    if tuple(table.columns) != COLUMNS:
        raise UserError(f"{path} is no table of nets' results; delete it and run the suite again.")
    return table
