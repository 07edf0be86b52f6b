"""The scale of fidelity numbers: what images of known worth get, as rows under the models of a table."""

from nets.reporting import glossary
from nets.reporting.cells import ABSENT, Cell, Column
from nets.reporting.results import Run, read_json


def scales(runs: list[Run], columns: list[Column]) -> dict[str, dict[str, Cell]]:
    """For real images and for noise, by their label, a cell for each column: from the extractors' `reference.json`.

    Their counts of images stand in the label, since they need not be those of the models' passports.
    """
    found: dict[str, dict[str, Cell]] = {}
    folder = runs[0].folder.parents[1] / "fidelity"
    for path in sorted(folder.glob(f"{runs[0].config['dataset']}-*/reference.json")):
        for row in read_json(path)["scale"]:
            if not any(column.metric in row["metrics"] for column in columns):
                continue  # a table of classifiers, say
            label = f"{row['title'].capitalize()} ({row['samples']:,} and {row['reference']:,})"
            cells = found.setdefault(label, {column.key: Cell(ABSENT) for column in columns})
            for column in columns:
                value = row["metrics"].get(column.metric)
                if value is not None:
                    text = glossary.number(value, column.decimals)
                    cells[column.key] = Cell(text, value, raw={f"{column.key}_mean": value})
    return found
