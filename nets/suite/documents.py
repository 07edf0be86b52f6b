"""YAML and JSON that people write, read within bounds: what a few bytes mean may fill the memory or end the process.

Depth, length and number are counted before anything is built, with aliases written out as often as they occur.
"""

import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from nets.errors import ConfigError

MOST_BYTES = 1 << 20
MOST_VALUES = 50_000  # scalars, lists and mappings, with aliases written out
MOST_DEPTH = 20  # of lists and mappings inside each other
LONGEST_TEXT = 10_000  # characters
LARGEST = 2**63  # number


class Loader(yaml.CSafeLoader):
    """YAML whose keys are strings, none of them repeated."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            word = self.construct_object(key, deep=True)
            if not isinstance(word, str) or word in seen:
                mistake = "appears twice" if isinstance(word, str) else "is not text; quote it"
                raise yaml.MarkedYAMLError(problem=f"the key {word!r} {mistake}", problem_mark=key.start_mark)
            seen.add(word)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, piped: bool = False) -> Any:
    """The content of a YAML or JSON file. Raises ConfigError if it can't be read, or is beyond the bounds above.

    `piped`: the file may be a pipe, as `<(command)` in a shell.
    """
    try:
        text = read_text(path, piped)
    except OSError as error:
        raise ConfigError(f"{path}: the catalogue can't be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; save the catalogue as UTF-8.") from None
    try:
        value = parse_yaml(text)
        if not all(map(is_plain, numbers(value))):
            raise yaml.YAMLError("it holds a number that is not finite, or has more than 18 digits")
        return value
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: this is not YAML for a catalogue ({getattr(error, 'problem', error)}).") from None


def read_text(path: Path, piped: bool = False) -> str:
    """The text of a file of at most `MOST_BYTES`. Raises ConfigError for a longer one, and for what is no file."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if piped else os.O_NONBLOCK))  # a pipe would wait for ever
    with os.fdopen(number, "rb") as file:
        mode = os.fstat(number).st_mode
        if not (stat.S_ISREG(mode) or (piped and stat.S_ISFIFO(mode))):
            raise ConfigError(f"{path}: the catalogue is not a plain file; put one there.")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{path}: the catalogue has more than {MOST_BYTES >> 20} MiB; leave out what is no entry.")
    return content.decode("utf-8")


def parse_yaml(text: str) -> Any:
    """The value of a YAML text. Raises YAMLError if it is not YAML, or is beyond the bounds above."""
    check_bounds(text)
    try:
        return yaml.load(text, Loader)
    except (ValueError, OverflowError, TypeError, AttributeError, RecursionError) as error:
        raise yaml.YAMLError(f"a value can't be read: {error}") from None  # such as the date 2020-13-45


def check_bounds(text: str) -> None:
    """Raise MarkedYAMLError at the first place of a YAML text that is beyond the bounds."""
    sizes: dict[str, int] = {}  # values that an alias stands for, by anchor
    opened: list[tuple[str | None, int]] = []  # anchor of each open list or mapping, and the values before it
    total = 0
    for event in yaml.parse(text, Loader):
        problem = ""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in {anchor for anchor, _ in opened}:
                problem = f"*{event.anchor} is inside what it stands for"
            total += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            sizes |= {event.anchor: 1} if event.anchor else {}
            if len(event.value) > LONGEST_TEXT:
                problem = f"a text has more than {LONGEST_TEXT:,} characters"
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, total))
            total += 1
            if len(opened) > MOST_DEPTH:
                problem = f"lists and mappings are nested more than {MOST_DEPTH} deep"
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            sizes |= {anchor: total - before} if anchor else {}
        if total > MOST_VALUES:
            problem = f"there are more than {MOST_VALUES:,} values, counting those that aliases repeat"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]


def is_plain(number: int | float) -> bool:
    """Whether a number is finite, and every program that reads JSON can hold it."""
    return abs(number) < LARGEST and math.isfinite(number)


def numbers(value: Any) -> Iterator[int | float]:
    """All numbers in nested lists and mappings."""
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
