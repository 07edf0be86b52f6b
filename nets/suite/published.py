"""What papers and repositories report (`config/published.csv`): loading, validation, and the choice of the value with
which ours is compared (docs/published.md). Imports no torch.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median_high, median_low
from typing import Any

from nets.errors import ConfigError, suggest
from nets.files import read_text
from nets.metrics.metric import all_metrics, metrics_of, parts, stem
from nets.suite.catalogues import ROOT, check, load_catalogues, schema
from nets.suite.written import parse_value
from nets.tasks.kinds import KINDS

COLUMNS = ("model", "dataset", "metric", "value", "source", "note", "explains")
OPTIONAL = {"split": "test", "checked": "source", "differs": ""}  # the meaning of an absent column or an empty cell
VERIFIED = ("source", "copy")
ASPECTS = ("network", "selection", "augmentation", "training")  # the most important first
DIRECTIONS = ("worse", "better")

Key = tuple[str, str, str, str]  # model or model-variant, data set, metric, split


@dataclass(frozen=True)
class Published:
    """A reported value, its source, what differs from our row, and why our value may differ."""

    value: float
    source: str
    note: str
    explains: str
    checked: str = "source"
    differs: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the value was read in its source; ours is compared only with such values."""
        return self.checked in VERIFIED

    @property
    def rank(self) -> tuple[bool, ...]:
        """Sort key that puts the values nearest to our row first: verified ones, then by what differs."""
        return (not self.verified, *(aspect in self.differs for aspect in ASPECTS))

    def reasons(self, better: bool | None) -> list[str]:
        """Why ours is better or worse (None: either) than this value: the reasons that work that way or both ways."""
        chosen = []
        for reason in filter(None, self.explains.split("; ")):
            direction, text = split_reason(reason)
            if better is None or direction is None or (direction == "better") == better:
                chosen.append(text)
        return chosen


def split_reason(reason: str) -> tuple[str | None, str]:
    """Split 'worse: 45,000 training images' into its direction (None: either) and the reason."""
    marked = re.match(r"(\w+): ", reason)
    return (marked[1], reason[marked.end() :]) if marked else (None, reason)


def find_published(table: Path) -> Path:
    """The published.csv beside a table, or else the project's."""
    beside = table.with_name("published.csv")
    return beside if beside.exists() else ROOT / "config/published.csv"


def load_published(path: Path) -> dict[Key, list[Published]]:
    """The reported values by model, data set, metric and split; the first is the one to compare with.

    Raises ConfigError.
    """
    catalogues = load_catalogues(path.parent)
    reported: dict[Key, list[Published]] = {}
    reader = csv.DictReader(io.StringIO(read_text(path, "list of published values"), newline=""), strict=True)
    head = tuple(reader.fieldnames or ())
    extra = head[len(COLUMNS) :]
    if head[: len(COLUMNS)] != COLUMNS or len(set(extra)) < len(extra) or not set(extra) <= set(OPTIONAL):
        known = f"{', '.join(COLUMNS)} and, if you like, {', '.join(OPTIONAL)}"
        raise ConfigError(f"{path}, line 1: the columns must be {known}.")
    for where, cells in lines_of(reader, path):
        if None in cells or any(cells[name] is None for name in COLUMNS):
            raise ConfigError(f"{where}: {len(head)} cells are expected; quote cells that contain commas.")
        row = parse_row(cells, catalogues, where)
        values = reported.setdefault((row["model"], row["dataset"], row["metric"], row["split"]), [])
        if any(row["source"] == other.source for other in values):
            raise ConfigError(f"{where}: {row['model']} on {row['dataset']} already has a value from this source.")
        differs = tuple(row["differs"])
        values.append(Published(row["value"], row["source"], row["note"], row["explains"], row["checked"], differs))
    return {key: ordered(values, key[2]) for key, values in reported.items()}


def lines_of(reader: csv.DictReader, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The place and the cells of each line. Raises ConfigError for a line that is not CSV."""
    try:
        for cells in reader:
            yield f"{path}, line {reader.line_num}", cells
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: this is not CSV ({error}).") from None


def parse_row(cells: dict[str, str], catalogues: dict[str, dict[str, Any]], where: str) -> dict[str, Any]:
    """The cells of a line as values, checked."""
    cells = cells | {name: cells.get(name) or absent for name, absent in OPTIONAL.items()}
    row: dict[str, Any] = {**cells, "value": parse_value(cells["value"], where), "differs": cells["differs"].split()}
    check(row, schema("published"), where)
    for column, name in (("model", row["model"].partition("-")[0]), ("dataset", row["dataset"])):
        if name not in (known := catalogues[f"{column}s"]):
            raise ConfigError(f"{where}: unknown {column} {name!r}; {suggest(name, known)}")
    base = parts(row["metric"])[0]
    task = catalogues["models"][row["model"].partition("-")[0]]["task"]
    if base not in (metrics := metrics_of(KINDS[task].measures)) or base != stem(row["metric"]):
        what = f"{row['metric']!r} is no metric of {row['model']} that compares with published values"
        raise ConfigError(f"{where}: {what}; {suggest(row['metric'], metrics) if metrics else 'leave it out.'}")
    if all_metrics()[base].unit == "%" and not 0 <= row["value"] <= 100:
        raise ConfigError(f"{where}: {row['metric']} {row['value']} is not a percentage.")
    for direction, _ in map(split_reason, row["explains"].split("; ")):
        if direction not in (None, *DIRECTIONS):
            raise ConfigError(f"{where}: explains: unknown direction {direction!r}; {suggest(direction, DIRECTIONS)}")
    return row | {"value": float(row["value"])}


def ordered(values: list[Published], metric: str) -> list[Published]:
    """The value to compare with, then the others by rank.

    The first is the median of the best rank; of two medians, the better one. Lower is better for a metric without a
    direction.
    """
    ranked = sorted(values, key=lambda value: value.rank)
    nearest = [value.value for value in ranked if value.rank == ranked[0].rank]
    median = (median_high if all_metrics()[parts(metric)[0]].direction == "higher" else median_low)(nearest)
    compared = next(value for value in ranked if value.value == median and value.rank == ranked[0].rank)
    return [compared, *(value for value in ranked if value is not compared)]
