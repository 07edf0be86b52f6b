"""How well each class of a segmentation is found, as a table beside the comparison of the models."""

from math import isnan

from nets.reporting import glossary
from nets.reporting.results import Run, models, read_arrays
from nets.reporting.statistics import summarise
from nets.reporting.tables.cells import ABSENT, Cell, Column, summary_cell
from nets.reporting.tables.comparison import Row, Table, mark_best


def class_table(runs: list[Run]) -> Table | None:
    """IoU in percent, a row a model and a column a class, from the runs' arrays; None where every run is a hole.

    In the order of the comparison's runs; a class that does not occur has no number.
    """
    found = {run.name: read_arrays(run.folder / "arrays.npz").get("class_iou") for run in runs if run.ok}
    found = {name: values for name, values in found.items() if values is not None}
    if not found:
        return None
    data, count = runs[0].config["data"], len(next(iter(found.values())))
    names = data["classes"] if isinstance(data.get("classes"), list) else [f"class {n}" for n in range(count)]
    columns = [Column(f"iou_{name.replace(' ', '_')}", name, "%", "higher", 2) for name in names]
    rows = []
    for group in models(runs).values():
        holes = {run.seed: glossary.STATUSES.get(run.status, run.status) for run in group if not run.ok}
        cells = {column.key: cell(group, found, number, column, holes) for number, column in enumerate(columns)}
        rows.append(Row(group[0].label, group, cells, not holes))
    for column in columns:
        mark_best(rows, column)
    title = f"IoU of each class on {data.get('title') or runs[0].config['dataset']}"
    return Table("segmentation", f"{runs[0].config['dataset']}-classes", title, columns, rows, [])


def cell(group: list[Run], found: dict, number: int, column: Column, holes: dict[int, str]) -> Cell:
    """The mean of a class's IoU over a model's seeds."""
    values = {run.seed: float(found[run.name][number]) if run.name in found else None for run in group}
    if any(value is not None and isnan(value) for value in values.values()):
        return Cell(ABSENT, hint="This class does not occur.")
    return summary_cell(summarise(values, holes), column)
