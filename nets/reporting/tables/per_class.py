"""The table of how well models segment each class."""

from math import isnan

from nets.reporting.reading import read_arrays
from nets.reporting.results import Result
from nets.reporting.statistics import summarise
from nets.reporting.tables.rows import rows_of, seed_notes, summary_cell
from nets.reporting.tables.table import ABSENT, Cell, Column, Table


def class_table(results: list[Result]) -> Table | None:
    """IoU in percent, with one row per model, in the order given, and one column per class.

    A class that does not occur has no number. None if every run is a hole.
    """
    ious = {
        result.name: [float(value) for value in values]
        for result in results
        if result.ok and (values := read_arrays(result.folder / "arrays.npz", "class_iou").get("class_iou")) is not None
    }
    if not ious:
        return None
    names = results[0].class_names or [f"class {n}" for n in range(len(next(iter(ious.values()))))]
    columns = [Column(f"iou_{name}", name, "%", "higher", 2) for name in names]

    def cells(group: list[Result], holes: dict[int, str]) -> dict[str, Cell]:
        def by_seed(at: int) -> dict[int, float | None]:
            return {result.run.seed: ious[result.name][at] if result.name in ious else None for result in group}

        return {column.key: iou_cell(by_seed(at), column, holes) for at, column in enumerate(columns)}

    rows = rows_of(results, cells)
    name = f"segmentation-{results[0].run.dataset}-classes"
    return Table(name, f"IoU of each class on {results[0].dataset_title}", columns, rows, seed_notes(rows))


def iou_cell(values: dict[int, float | None], column: Column, holes: dict[int, str]) -> Cell:
    """The mean of a class's IoU over a model's seeds."""
    if any(value is not None and isnan(value) for value in values.values()):
        return Cell(ABSENT, hint="This class does not occur.")
    return summary_cell(summarise(values, holes), column)
