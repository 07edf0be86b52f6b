"""A table of the benchmark as text: rows, seeds, values."""

import re
from collections.abc import Iterable
from pathlib import Path

from nets.errors import ConfigError, shorten, suggest
from nets.files import read_text

LAST_SEED, MOST_SEEDS = 2**31 - 1, 10_000
LONGEST_CELL = 2000  # characters
SEPARATORS = {";": "semicolons", ",": "commas", "|": "bars"}
COLUMNS = ("model", "dataset", "variant", "recipe", "seeds", "overrides")
REQUIRED = ("model", "dataset", "recipe", "seeds")


def read_table(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a TSV file as (line number, cells); lines that start with # are comments."""
    lines = re.split("\r\n|\r|\n", read_text(path, "table"))
    rows = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if len(rows) < 2:
        raise ConfigError(f"{path}: the table has no rows; its columns are {', '.join(COLUMNS)}.")
    (first, header), *body = rows
    names = [name.strip() for name in header.split("\t")]
    if len(names) == 1:
        found = next((f", but {word}" for mark, word in SEPARATORS.items() if mark in header), "")
        raise ConfigError(f"{path}, line {first}: columns are separated by tabs, and this line has none{found}.")
    for name in names:
        if name not in COLUMNS:
            raise ConfigError(f"{path}, line {first}: unknown column {shorten(name)!r}; {suggest(name, COLUMNS)}")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise ConfigError(f"{path}, line {first}: the column {missing[0]!r} is missing; columns are separated by tabs.")
    table = []
    for line, text in body:
        cells = text.split("\t")
        needed = 1 + max(names.index(name) for name in REQUIRED)
        if not needed <= len(cells) <= len(names):
            raise ConfigError(
                f"{path}, line {line}: {len(cells)} cell{'s' if len(cells) > 1 else ''} for {len(names)} columns; they "
                "are separated by tabs, not by spaces; an empty cell is between two tabs."
            )
        if max(len(cell) for cell in cells) > LONGEST_CELL:
            raise ConfigError(f"{path}, line {line}: a cell has more than {LONGEST_CELL:,} characters; shorten it.")
        if quoted := next((cell for cell in cells if cell.strip()[:1] in ('"', "'")), None):
            raise ConfigError(f"{path}, line {line}: the cell {shorten(quoted.strip())} has quotes; leave them out.")
        row = dict.fromkeys(COLUMNS, "") | {k: v.strip() for k, v in zip(names, cells, strict=False)}
        table.append((line, row))
    return table


def table_of(rows: Iterable[tuple[dict[str, str], int]]) -> str:
    """The text of a table, from the cells of rows with one seed each; equal cells become one row."""
    seeds: dict[tuple[str, ...], list[int]] = {}
    for cells, seed in rows:
        seeds.setdefault(tuple(cells.get(column, "") for column in COLUMNS if column != "seeds"), []).append(seed)
    lines: list[tuple[str, ...]] = [COLUMNS]
    for own, numbers in seeds.items():
        cells = dict(zip([column for column in COLUMNS if column != "seeds"], own, strict=True))
        lines.append(tuple((cells | {"seeds": ",".join(map(str, numbers))})[column] for column in COLUMNS))
    return "".join("\t".join(line) + "\n" for line in lines)


def parse_seeds(text: str, where: str) -> list[int]:
    """A list of seeds from '0-2' or '0,3,5'."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,30})(?:-([0-9]{1,30}))?\s*", part)
        if not match:
            raise ConfigError(f"{where}: seeds {shorten(text)!r} are not a list such as 0,1,2 or a range such as 0-2.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last > LAST_SEED or last - first >= MOST_SEEDS:
            raise ConfigError(
                f"{where}: seeds {text!r} must be a rising range of at most {MOST_SEEDS:,} seeds up to {LAST_SEED}."
            )
        seeds += range(first, last + 1)
    if len(set(seeds)) != len(seeds):
        raise ConfigError(f"{where}: seeds {text!r} contain one of them twice.")
    return seeds
