"""The scale of fidelity numbers: what images of known worth get, as rows under the models of a table."""

from nets.reporting import glossary
from nets.reporting.results import Run, read_json
from nets.reporting.tables import passports
from nets.reporting.tables.cells import ABSENT, Cell, Column


def scales(runs: list[Run], columns: list[Column]) -> dict[str, dict[str, Cell]]:
    """For real images and for noise, by their label, a cell for each column: from the extractors' `reference.json`.

    A number stands in a column whose passport has its counts of images, and nowhere else.
    """
    found: dict[str, dict[str, Cell]] = {}
    counts = {
        key: (known["passport"].get("samples"), (known["passport"].get("reference") or {}).get("count"))
        for key, known in passports.collect(runs).items()
    }
    folder = runs[0].folder.parents[1] / "fidelity"
    for path in sorted(folder.glob(f"{runs[0].config['dataset']}-*/reference.json")):
        for row in read_json(path)["scale"]:
            of_its_kind = [
                column
                for column in columns
                if column.metric in row["metrics"] and counts.get(column.passport) == (row["samples"], row["reference"])
            ]
            if not of_its_kind:
                continue  # a table of classifiers, say
            label = f"{row['title'].capitalize()} ({row['samples']:,} and {row['reference']:,})"
            cells = found.setdefault(label, {column.key: Cell(ABSENT) for column in columns})
            for column in of_its_kind:
                value = row["metrics"][column.metric]
                cells[column.key] = Cell(
                    glossary.number(value, column.decimals), value, raw={f"{column.key}_mean": value}
                )
    return found
