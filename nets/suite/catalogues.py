"""The catalogues that rows name: models, data sets, recipes, weights. Each is checked against a closed schema."""

import copy
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from nets.data.entries import check_entries
from nets.errors import ConfigError, shorten, suggest
from nets.optimizers import optimizer_schema
from nets.suite.written import read_yaml
from nets.tasks.kinds import KINDS, check_kinds
from nets.training.schedules import DECAYS
from nets.trust import without_login

ROOT = Path(__file__).resolve().parents[2]
WANTED = {  # what to do, by the broken rule of the schema
    "exclusiveMinimum": "; set a number above {}",
    "exclusiveMaximum": "; set a number below {}",
    "minimum": "; set {} or more",
    "maximum": "; set {} or less",
    "enum": "; choose one of these",
    "required": "; add it",
    "minItems": "; give {} or more",
}
TYPES = {
    "integer": "give a whole number",
    "number": "give a number",
    "boolean": "write true or false",
    "array": "write a list such as [1, 2]",
    "object": "write keys with values",
    "string": "write text; in quotes if it looks like a number",
    "null": "write null",
}
CATALOGUES = ("models", "datasets", "recipes", "weights")


def beside() -> Path:
    """The folder of the user's table, for the workflow's jobs (NETS_CATALOGUES); by default the project's `config`."""
    return Path(os.environ.get("NETS_CATALOGUES") or ROOT / "config")


def load_catalogues(folder: Path) -> dict[str, dict[str, Any]]:
    """All catalogues by name; see `merged`."""
    return {name: merged(name, folder) for name in CATALOGUES}


def merged(name: str, folder: Path) -> dict[str, Any]:
    """One of the project's catalogues, extended by the file of the same name in the folder of the user's table.

    A line on standard error names the project's entries that such a file replaces.
    """
    entries = copy.deepcopy(load_catalogue(ROOT / "config" / f"{name}.yaml", name))  # keeps the cache unchanged
    path = folder.resolve() / f"{name}.yaml"
    if path.exists() and path.parent != ROOT / "config":
        own = copy.deepcopy(load_catalogue(path, name))
        tell_replaced(path, tuple(entry for entry in own if entries.get(entry, own[entry]) != own[entry]))
        entries |= own
    return entries


@cache
def tell_replaced(path: Path, entries: tuple[str, ...]) -> None:
    """Name on the terminal, once, the project's entries that a user's file replaces."""
    if entries:
        print(f"{path} replaces the project's {', '.join(entries)}.", file=sys.stderr, flush=True)


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON schema of a catalogue, with the kinds of learning, their options, optimizers and schedules filled in.

    Raises ConfigError if an entry of one of these tables lacks something.
    """
    rules = yaml.load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    if name == "models":
        check_kinds()
        rules["additionalProperties"]["properties"]["task"]["enum"] = list(KINDS)
    if name == "recipes":
        check_kinds()
        definitions, recipe = rules["$defs"], rules["$defs"]["recipe"]
        settings = {"type": "object", "additionalProperties": False, "properties": optimizer_schema()}
        definitions |= {"optimizer": settings | {"required": ["name", "lr"]}, "optimizer_change": settings}
        definitions |= {task: kind.schema for task, kind in KINDS.items()}
        recipe["properties"]["task"]["enum"] = list(KINDS)
        recipe["properties"]["schedule"]["properties"]["name"]["enum"] = list(DECAYS)
        recipe["allOf"] = [
            {
                "if": {"properties": {"task": {"const": task}}},
                "then": {"properties": {"options": {"$ref": f"#/$defs/{task}"}}},
            }
            for task in KINDS
        ]
    return rules


@cache
def load_catalogue(path: Path, name: str) -> dict[str, Any]:
    """Read and check one catalogue."""
    return check_catalogue(read_yaml(path) or {}, name, str(path))


def load_entry(path: Path, entry: str, name: str) -> dict[str, Any]:
    """Read and check a YAML or JSON file that holds a single entry of a catalogue."""
    return check_catalogue({entry: read_yaml(path, piped=True)}, name, str(path))[entry]


def look_up(entries: dict[str, Any], entry: str, where: str) -> dict[str, Any]:
    """An entry of a catalogue. Raises ConfigError if the catalogue has no entry of that name."""
    if entry not in entries:
        raise ConfigError(f"{where} has no {entry!r}; {suggest(entry, entries)}")
    return entries[entry]


def check_catalogue(entries: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """The same entries. Raises UserError with one sentence for the first mistake in them."""
    check(entries, schema(name), where)
    for entry, text in texts(entries):
        if without_login(text) != text:
            raise ConfigError(
                f"{where}: {entry}: an address has a password or a token, which results and logs would show; leave it "
                "out, and supply the file by hand."
            )
    if name == "datasets":
        check_entries(entries, where)
    return entries


def digits_of(weights: dict) -> str:
    """The known digits of the SHA-256 of an entry of weights.yaml: all 64, or the first ones."""
    return weights.get("sha256") or weights["first_digits"]


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """All texts in nested values, with their places: ('pets.url', 'https://...')."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, path)
    elif isinstance(value, str):
        yield path, value


def is_integer(_: Any, value: Any) -> bool:
    """Whether a value counts things: JSON Schema takes 5.0 too, Python's ranges don't."""
    return isinstance(value, int) and not isinstance(value, bool)


Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer),
)


def check(value: Any, rules: dict[str, Any], where: str) -> None:
    """Raise ConfigError, in words, for the clearest violation of the schema."""
    error = jsonschema.exceptions.best_match(Validator(rules).iter_errors(value))
    if error is None:
        return
    path = ".".join(shorten(str(part)) for part in error.absolute_path)
    at = f"{where}: {path}: " if path else f"{where}: "
    known = list(error.schema.get("properties", {}))
    if error.validator == "additionalProperties" and error.validator_value is False:
        key = next(key for key in error.instance if key not in known)
        raise ConfigError(
            f"{at}unknown key {shorten(key)!r}; {suggest(key, known) if known else 'no keys are allowed here.'}"
        )
    if error.validator == "pattern":  # the description says in words what the pattern allows
        raise ConfigError(f"{at}{shorten(repr(error.instance))} is not valid; write {error.schema['description']}.")
    wanted = WANTED.get(error.validator, "")
    if error.validator == "type":
        types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        wanted = "; " + ", or ".join(TYPES[each] for each in types)
    found = repr(error.instance)
    message = error.message.replace(found, shorten(found)) if len(found) > 60 else error.message
    raise ConfigError(f"{at}{message}{wanted.format(error.validator_value)}.")


def complete(value: dict, rules: dict) -> None:
    """Fill in the schema's defaults, in place and recursively."""
    for key, rule in rules.get("properties", {}).items():
        if "default" in rule:
            value.setdefault(key, copy.deepcopy(rule["default"]))
        if isinstance(value.get(key), dict):
            complete(value[key], rule)
