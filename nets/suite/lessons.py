"""What learners are told about networks, and the rows that test it (`config/lessons.yaml`). Imports no torch."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nets.errors import ConfigError, suggest
from nets.metrics.metric import all_metrics, parts
from nets.suite.catalogues import ROOT, check, complete, schema
from nets.suite.written import read_yaml


@dataclass(frozen=True)
class Quantity:
    """What is read from each run: a metric, a column of its history, or a cost of its network."""

    metric: str | None = None
    split: str = "test"
    history: str | None = None
    take: str = "last"
    level: float | None = None
    full_level: float | None = None  # the level on the data sets of `full`
    cost: str | None = None
    diverged: float | None = None  # the value of a run that diverged or learned nothing
    label: str = ""
    unit: str = ""
    decimals: int | None = None


@dataclass(frozen=True)
class Claim:
    """A prediction: how the mean of one row compares with that of another, or with a number."""

    quantity: str
    row: str
    relation: str  # higher, lower, equal or misleading
    than: str | float
    than_quantity: str  # what is read from the second row
    by: float = 0  # the smallest difference that counts; of equal ones, the largest that does not
    factor: float | None = None  # in place of `by`: a ratio
    seeds: int = 1  # misleading: of each row


@dataclass(frozen=True)
class Figure:
    """A figure of a lesson."""

    kind: str
    caption: str
    quantity: str
    rows: list[str]
    quantities: list[str]  # points: one or several for each row
    x: str = ""
    y: str = ""
    lines: dict[str, list[tuple[float, str]]] | None = None
    column: str = ""
    arrays: dict[str, str] | None = None
    at: str = ""
    picture: str = ""
    log: bool = False
    log_x: bool = False


@dataclass(frozen=True)
class Lesson:
    """A sentence, who says it, and how it is tested."""

    name: str
    title: str
    sentence: str
    source: str
    rows: dict[str, str]  # by its name in the lesson: a row of the table
    quantities: dict[str, Quantity]
    claims: list[Claim]
    figures: list[Figure]
    text: str
    full: (
        dict[str, str] | None
    )  # data sets, and what replaces them in config/lessons_full.tsv; None: it has no such rows

    def among(self, names: Iterable[str]) -> "Lesson | None":
        """The lesson in a table with these rows: as it is, or on the data sets of `full`; None if it lacks one."""
        known, forms = set(names), [self, *([self.on_full] if self.full is not None else [])]
        return next((form for form in forms if set(form.rows.values()) <= known), None)

    @property
    def on_full(self) -> "Lesson":
        """The lesson on the data sets of `full`."""
        quantities = {
            name: each if each.full_level is None else replace(each, level=each.full_level)
            for name, each in self.quantities.items()
        }
        return replace(self, rows=self.full_rows or self.rows, quantities=quantities)

    @property
    def full_rows(self) -> dict[str, str] | None:
        """Its rows in config/lessons_full.tsv."""
        return None if self.full is None else {name: moved(row, self.full) for name, row in self.rows.items()}


def moved(row: str, datasets: dict[str, str]) -> str:
    """The row on another data set."""
    model, dataset, *variant = row.split("-")
    return "-".join([model, datasets.get(dataset, dataset), *variant])


def find_lessons(table: Path) -> Path:
    """The lessons.yaml beside a table, or else the project's."""
    beside = table.with_name("lessons.yaml")
    return beside if beside.exists() else ROOT / "config/lessons.yaml"


def load_lessons(path: Path) -> list[Lesson]:
    """The lessons of a catalogue, in its order. Raises ConfigError."""
    entries, rules = copy.deepcopy(read_yaml(path) or {}), schema("lessons")
    check(entries, rules, str(path))
    return [lesson(name, entry, rules["$defs"], f"{path}: {name}") for name, entry in entries.items()]


def lesson(name: str, entry: dict[str, Any], rules: dict[str, Any], where: str) -> Lesson:
    """An entry of the catalogue with its defaults, checked."""
    quantities = {key: quantity(value, rules, f"{where}: {key}") for key, value in entry["quantities"].items()}
    return Lesson(
        name,
        entry["title"],
        entry["sentence"],
        entry["source"],
        entry["rows"],
        quantities,
        [claim(value, entry["rows"], quantities, rules, where) for value in entry["claims"]],
        [figure(value, entry["rows"], quantities, rules, where) for value in entry["figures"]],
        entry["text"],
        entry.get("full"),
    )


def quantity(entry: dict[str, Any], rules: dict[str, Any], where: str) -> Quantity:
    """A quantity, with label, unit and decimals of its metric where it has none of its own. Raises ConfigError."""
    if sum(key in entry for key in ("metric", "history", "cost")) != 1:
        raise ConfigError(f"{where}: name one of metric, history and cost.")
    if ("level" in entry) != (entry.get("take") == "epochs_to"):
        raise ConfigError(f"{where}: take: epochs_to needs a level, and nothing else has one.")
    complete(entry, rules["quantity"])
    if "metric" in entry:
        base, _ = parts(entry["metric"])
        known = all_metrics()
        if base not in known:
            raise ConfigError(f"{where}: unknown metric {base!r}; {suggest(base, known)}")
        entry.setdefault("label", known[base].label)
        entry.setdefault("unit", known[base].unit)
        entry.setdefault("decimals", known[base].decimals)
    if "label" not in entry:
        raise ConfigError(f"{where}: give it a label.")
    return Quantity(**entry)


def claim(
    entry: dict[str, Any], rows: dict[str, str], known: dict[str, Quantity], rules: dict[str, Any], where: str
) -> Claim:
    """A claim about rows and quantities that the lesson names. Raises ConfigError."""
    if "by" in entry and "factor" in entry:
        raise ConfigError(f"{where}: a claim has by or factor; leave one out.")
    if entry["is"] in ("equal", "misleading") and not ("by" in entry or "factor" in entry):
        raise ConfigError(f"{where}: a claim of {entry['is']} needs by: how much counts.")
    first = named(entry.get("quantity", next(iter(known))), known, where)
    second = named(entry.get("than_quantity", first), known, where)
    complete(entry, rules["claim"])
    than = entry["than"] if isinstance(entry["than"], int | float) else named(entry["than"], rows, where)
    row = named(entry["row"], rows, where)
    if row == than and first == second:
        raise ConfigError(f"{where}: a claim compares {row!r} with itself.")
    return Claim(first, row, entry["is"], than, second, entry["by"], entry.get("factor"), entry["seeds"])


def figure(
    entry: dict[str, Any], rows: dict[str, str], known: dict[str, Quantity], rules: dict[str, Any], where: str
) -> Figure:
    """A figure of rows and quantities that the lesson names. Raises ConfigError."""
    needs = {"lines": ("lines", "x"), "curves": ("column",), "profile": ("arrays", "x", "y"), "pictures": ("picture",)}
    for key in needs.get(entry["kind"], ()):
        if key not in entry:
            raise ConfigError(f"{where}: a figure of {entry['kind']} needs {key}.")
    complete(entry, rules["figure"])
    entry["quantity"] = named(entry.get("quantity", next(iter(known))), known, where)
    entry["quantities"] = [named(key, known, where) for key in entry.get("quantities", [entry["quantity"]])]
    entry["rows"] = [named(row, rows, where) for row in entry.get("rows", rows)]
    if lines := entry.get("lines"):
        entry["lines"] = {
            key: [(number(x, where), named(row, rows, where)) for x, row in each] for key, each in lines.items()
        }
    assert set(entry) <= {field.name for field in fields(Figure)}
    return Figure(**entry)


def named(word: Any, known: Iterable[str], where: str) -> str:
    """A name that the lesson has given. Raises ConfigError for another one."""
    if word not in known:
        raise ConfigError(f"{where}: unknown name {str(word)!r}; {suggest(str(word), known)}")
    return str(word)


def number(value: Any, where: str) -> float:
    """A place on an axis. Raises ConfigError."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ConfigError(f"{where}: {value!r} is not a number; a line has pairs of a number and a name in rows.")
    return float(value)


def check_rows(lessons: list[Lesson], path: Path, table: Path, names: Iterable[str]) -> None:
    """Raise ConfigError if the lessons beside a user's table name a row that it lacks and others that it has."""
    known = set(names)
    for each in lessons if path.parent.resolve() != ROOT / "config" else []:
        missing = [row for row in each.rows.values() if row not in known]
        if missing and len(missing) < len(each.rows) and not each.among(known):
            raise ConfigError(f"{path}: {each.name}: {table} has no row {missing[0]}; {suggest(missing[0], known)}")


def in_words(claim: Claim, quantities: dict[str, Quantity]) -> str:
    """A claim in words: 'Top-1: max pooling higher than average pooling, by at least 0.5 points'."""
    quantity = quantities[claim.quantity]
    if claim.relation == "misleading":
        seeds = "one seed" if claim.seeds == 1 else f"{claim.seeds} seeds"
        rows = f"{claim.row} against {claim.than}, with {seeds} of each"
        return f"{quantity.label}: {rows}, the worse one wins in more than {claim.by:g} % of draws"
    pair = f"{claim.row} {{}} {claim.than}"
    start = f"{quantity.label}: "
    if isinstance(claim.than, int | float):
        number = f"{claim.than:g} {quantity.unit}".replace("-", "−").replace(" °", "°").rstrip()
        pair = f"{claim.row} {{}} {number}"
    elif claim.quantity != claim.than_quantity:
        start = f"{claim.row}: " if claim.row == claim.than else f"{claim.row} against {claim.than}: "
        pair = f"“{quantity.label}” {{}} “{quantities[claim.than_quantity].label}”"
    by = f"{claim.by:g} {step(quantity)}".rstrip()
    by = by.removesuffix("s") if claim.by == 1 and quantity.unit == "%" else by
    if claim.relation == "equal":
        within = f"a factor of {claim.factor:g}" if claim.factor else by
        return f"{start}{pair.format('equal to')}, within {within}"
    least = f", by a factor of at least {claim.factor:g}" if (claim.factor or 1) > 1 else ""
    least = f", by at least {by}" if claim.by else least
    return f"{start}{pair.format(f'{claim.relation} than')}{least}"


def step(quantity: Quantity) -> str:
    """The unit of a difference: percentages differ by points."""
    return "points" if quantity.unit == "%" else quantity.unit
