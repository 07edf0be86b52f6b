"""What papers and repositories report, `config/published.csv`: loading and validation. Imports no torch."""

import csv
from dataclasses import dataclass
from pathlib import Path

from nets.errors import ConfigError, suggest
from nets.metrics.metric import all_metrics
from nets.suite.catalogues import ROOT, check, load_catalogues, schema
from nets.suite.table import parse_value

COLUMNS = ("model", "dataset", "metric", "value", "source", "note", "explains")
SPLIT = "split"  # a last column that a file, or a row of it, may leave out

Key = tuple[str, str, str, str]  # model or model-variant, data set, metric, split


@dataclass(frozen=True)
class Published:
    """A reported value, where it stands, and why ours may differ."""

    value: float
    source: str
    note: str
    explains: str


def find_published(table: Path) -> Path:
    """The published.csv beside a table, else the project's."""
    beside = table.with_name("published.csv")
    return beside if beside.exists() else ROOT / "config/published.csv"


def load_published(path: Path) -> dict[Key, list[Published]]:
    """All reported values by model, data set, metric and split, in the file's order. Raises ConfigError."""
    catalogues, metrics = load_catalogues(path.parent), all_metrics()
    found: dict[Key, list[Published]] = {}
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) not in (COLUMNS, (*COLUMNS, SPLIT)):
            raise ConfigError(f"{path}, line 1: the columns must be {', '.join(COLUMNS)} and, if you like, {SPLIT}.")
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            cells[SPLIT] = cells.get(SPLIT) or "test"
            if None in cells or None in cells.values():
                raise ConfigError(f"{where}: {len(COLUMNS)} cells are expected; put those with commas in quotes.")
            row = cells | {"value": parse_value(cells["value"])}
            check(row, schema("published"), where)
            for column, name in (("model", row["model"].partition("-")[0]), ("dataset", row["dataset"])):
                if name not in (known := catalogues[f"{column}s"]):
                    raise ConfigError(f"{where}: unknown {column} {name!r}; {suggest(name, known)}")
            metric = metrics.get(row["metric"])
            if metric and metric.unit == "%" and not 0 <= row["value"] <= 100:
                raise ConfigError(f"{where}: {row['metric']} {row['value']} is not a percentage.")
            values = found.setdefault((row["model"], row["dataset"], row["metric"], row[SPLIT]), [])
            if any(row["source"] == other.source for other in values):
                raise ConfigError(f"{where}: {row['model']} on {row['dataset']} has a value of this source already.")
            values.append(Published(float(row["value"]), row["source"], row["note"], row["explains"]))
    return found
