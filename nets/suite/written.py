"""Reads what people write: tables, catalogues, and the values in them. Every mistake is one sentence with its place.

A file is read within bounds: a regular file of UTF-8 text, not too long, not nested too deeply, and without aliases
that multiply. YAML is parsed by PyYAML; values follow one grammar everywhere, that of JSON with freer numbers:

    12  -3  1e3          whole numbers (1e3 is 1000 in a table's overrides)
    0.5  .5  1.  2e-4    other decimal numbers, always finite; 010 is ten
    true  false  null  ~
    [1, 2]  [0.5, 0.999]
    anything else is text, and so is anything in quotes: yes, 1:30, 0x10, 2024-01-31

So YAML's octal, binary, sexagesimal numbers and dates, and its tags (`!!python/object`), have no meaning here.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nets.errors import ConfigError, shorten
from nets.files import read_text

DEEPEST = 30  # lists and mappings within each other
LONGEST_TEXT = 10_000  # characters of a value or key
MOST_VALUES = 200_000  # in a file, those behind an alias counted at each use
LARGEST_INTEGER = 2**53  # the largest that JSON and floats hold exactly

NUMBER = re.compile(r"[-+]?(?:[0-9]+(?P<fraction>\.[0-9]*)?|\.[0-9]+)(?P<exponent>[eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_yaml(path: Path, piped: bool = False) -> Any:
    """The content of a YAML or JSON file; see `read_text`. Raises ConfigError."""
    return Builder(str(path), lines=True).build(read_text(path, "catalogue", piped))


def parse_value(text: str, where: str) -> Any:
    """A value or list of an override or cell, where 1e3 and 5.0 are whole numbers. Raises ConfigError."""
    value = Builder(where).build(text) if text.startswith("[") else parse_scalar(text, where)
    return whole(value)


def whole(value: Any) -> Any:
    """The same value, with each float that has no fraction as an integer."""
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_INTEGER else value


def parse_scalar(text: str, where: str) -> Any:
    """A number, boolean, null or text. Raises ConfigError for numbers that are too large or not finite."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INFINITE.fullmatch(text):
        raise ConfigError(f"{where}: {text} is not a finite number; set one.")
    number = NUMBER.fullmatch(text)
    if not number:
        return text
    value = float(text)
    if number["fraction"] is None and number["exponent"] is None and text.lstrip("+-").isdigit():
        value = int(text) if abs(value) <= LARGEST_INTEGER else math.inf
    if not math.isfinite(value):
        raise ConfigError(f"{where}: the number {shorten(text, 30)} is too large; set a smaller one.")
    return value


@dataclass
class Level:
    """A list or mapping that is being read."""

    value: Any  # the list or dict itself
    anchor: str | None
    size: int = 1  # values in it so far
    key: str | None = None  # of a mapping: the key whose value comes next
    merged: list[dict] | None = None  # of a mapping: those that << names, the first of them the strongest


class Builder:
    """Builds lists, mappings and values from YAML, without recursion.

    Messages begin with `where`, and with the number of the line if `lines` is true.
    """

    def __init__(self, where: str, lines: bool = False) -> None:
        self.where, self.lines = where, lines
        self.line = 1
        self.levels: list[Level] = []
        self.anchors: dict[str, tuple[Any, int]] = {}  # values and their sizes
        self.result: Any = None

    def build(self, text: str) -> Any:
        """The value of a whole document. Raises ConfigError."""
        try:
            for event in self.events(text):
                self.take(event)
        except yaml.YAMLError as error:
            if mark := getattr(error, "problem_mark", None):
                self.line = mark.line + 1
            problem = getattr(error, "problem", None) or "a character is not allowed"
            raise self.mistake(f"this is not YAML ({problem})") from None
        return self.result

    def events(self, text: str) -> Iterator[yaml.Event]:
        """The events of a document. Raises ConfigError for a second document."""
        documents = 0
        for event in yaml.parse(text, yaml.CSafeLoader):
            if event.start_mark:
                self.line = event.start_mark.line + 1
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise self.mistake("a second document begins; keep one")
            if (tag := getattr(event, "tag", None)) is not None:
                raise self.mistake(f"the tag {tag} has no meaning here; leave it out")
            yield event

    def take(self, event: yaml.Event) -> None:
        """Add an event to what has been built."""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.mistake(f"*{shorten(str(event.anchor))} names nothing that stands before it")
            self.add(*self.anchors[event.anchor])
        elif isinstance(event, yaml.ScalarEvent):
            if len(event.value) > LONGEST_TEXT:
                raise self.mistake(f"a text has more than {LONGEST_TEXT:,} characters")
            value = parse_scalar(event.value, self.place) if event.implicit[0] and not event.style else event.value
            self.remember(event.anchor, value, 1)
            self.add(value, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self.levels) == DEEPEST:
                raise self.mistake(f"lists and mappings stand more than {DEEPEST} deep within each other")
            self.levels.append(Level([] if isinstance(event, yaml.SequenceStartEvent) else {}, event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            level = self.levels.pop()
            for other in reversed(level.merged or []):
                level.value = other | level.value
            self.remember(level.anchor, level.value, level.size)
            self.add(level.value, level.size)

    def remember(self, anchor: str | None, value: Any, size: int) -> None:
        """Keep a value for its aliases."""
        if anchor:
            self.anchors[anchor] = value, size

    def add(self, value: Any, size: int) -> None:
        """Put a finished value where it belongs."""
        if not self.levels:
            self.result = value
            return
        level = self.levels[-1]
        level.size += size
        if level.size > MOST_VALUES:
            raise self.mistake(f"there are more than {MOST_VALUES:,} values, those behind aliases included")
        if isinstance(level.value, list):
            level.value.append(value)
        elif level.key is None:
            level.key = self.new_key(level, value)
        else:
            self.put(level, level.key, value)
            level.key = None

    def new_key(self, level: Level, key: Any) -> str:
        """The key of a mapping, which must be text and new."""
        if not isinstance(key, str):
            raise self.mistake(f"the key {shorten(str(key))} is not text; quote it")
        if key in level.value or key == "<<" and level.merged is not None:
            raise self.mistake(f"the key {shorten(key)!r} appears twice")
        return key

    def put(self, level: Level, key: str, value: Any) -> None:
        """Set a key of a mapping; `<<` merges other mappings, which its own keys override."""
        if key != "<<":
            level.value[key] = value
            return
        level.merged = value if isinstance(value, list) else [value]
        if not all(isinstance(other, dict) for other in level.merged):
            raise self.mistake("<< merges only mappings")

    def mistake(self, sentence: str) -> ConfigError:
        """An error at the present line."""
        return ConfigError(f"{self.place}: {sentence}.")

    @property
    def place(self) -> str:
        """The file, or the row and key, that is being read."""
        return f"{self.where}, line {self.line}" if self.lines else self.where
