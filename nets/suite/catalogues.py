"""The catalogues that rows name: models, data sets, recipes, weights. Each is checked against a closed schema."""

import copy
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


def load_catalogues(beside: Path) -> dict[str, dict[str, Any]]:
    """The project's catalogues, extended by files of the same names beside the user's table."""
    merged: dict[str, dict[str, Any]] = {}
    for name in CATALOGUES:
        merged[name] = {}
        for folder in dict.fromkeys((ROOT / "config", beside.resolve())):
            path = folder / f"{name}.yaml"
            if path.exists():
                merged[name] |= copy.deepcopy(load_catalogue(path, name))  # keeps the cache unchanged
    return merged


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON schema of a catalogue, with the kinds of learning, their options, optimizers and schedules filled in.

    Raises ConfigError if an entry of one of these tables lacks something.
    """
    rules = yaml.load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text(), yaml.CSafeLoader)
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
    return check_catalogue({entry: read_yaml(path)}, name, str(path))[entry]


def look_up(entries: dict[str, Any], entry: str, where: str) -> dict[str, Any]:
    """An entry of a catalogue. Raises ConfigError if the catalogue has no entry of that name."""
    if entry not in entries:
        raise ConfigError(f"{where} has no {entry!r}; {suggest(entry, entries)}")
    return entries[entry]


def check_catalogue(entries: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """The same entries. Raises UserError with one sentence for the first mistake in them."""
    check(entries, schema(name), where)
    if name == "datasets":
        check_entries(entries, where)
    return entries


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
