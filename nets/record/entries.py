"""The entries of the record, `docs/results/<suite>/<run>.json`: their schema, how they are merged, written and read.

An entry holds the description of one run and its measurements. There is one measurement of each machine, and more if
they disagree: a result never takes the place of another one from which it differs by more than its tolerance.
"""

import json
import re
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

from nets.errors import UserError
from nets.files import atomic, read_json
from nets.record.agreement import apart, headlines, made_alike
from nets.record.recorded import result_of
from nets.run import Run
from nets.suite.catalogues import check, schema, texts
from nets.trust import check_name, inside

WIDTH = 120  # of a line
PLACE = re.compile(r"(?:^|[\s'\"(=])(/[\w.+-]+){2,}|^[A-Za-z]:\\|\\\\|^~/")  # a path of one machine
NEW, UNCHANGED, AGAIN = "new", "unchanged", "measured again, within the tolerance"  # what `merged` did
AGREES = "kept beside the measurement of another machine, with which it agrees"
DISAGREES = "DISAGREES with the record by more than its tolerance; both are kept"


@cache
def rules() -> dict[str, Any]:
    """The schema of an entry. A description may have all fields of `Run`, and must have those without a default."""
    found = schema("record")
    known = {field.name: field.default is MISSING for field in fields(Run)}
    found["properties"]["description"]["properties"] = dict.fromkeys(known, {})
    found["properties"]["description"]["required"] = [name for name, required in known.items() if required]
    return found


def check_entry(entry: dict[str, Any], where: str) -> None:
    """Raise UserError if an entry breaks the schema, or names a path of somebody's machine."""
    check(entry, rules(), where)
    for at, text in texts(entry):
        if PLACE.search(text):
            raise UserError(
                f"{where}: {at} names a path of this machine ({text}); name it relative to the data folder."
            )


def merged(old: dict[str, Any] | None, new: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """An entry with the measurement of a new one, and in a few words what has happened to it.

    The new measurement replaces the one that was made in the same way, if they agree. Of another description, all go.
    """
    if old is None:
        return new, NEW
    (measurement,) = new["measurements"]
    if old["description"] != new["description"]:
        return new, "replaces results of another description"
    kept, result = list(old["measurements"]), result_of(new)
    fresh, known = headlines(result), [headlines(result_of(old, at), like=result) for at in range(len(kept))]
    if known[0].keys() != fresh.keys():
        return new, "replaces results that measured something else"
    agree = [not apart(each, fresh, trained=True) for each in known]
    same = [made_alike(each["manifest"], measurement["manifest"]) for each in kept]
    at = next((at for at in range(len(kept)) if agree[at] and same[at]), None)
    if at is None:
        kept.append(measurement)
        return new | {"measurements": kept}, AGREES if agree[0] else DISAGREES
    kept[at] = measurement
    entry = new | {"measurements": kept}
    return entry, UNCHANGED if entry == old else AGAIN


def write_entry(entry: dict[str, Any], record: Path) -> None:
    """Write an entry to its place below `record`."""
    with atomic(place(record, entry["suite"], entry["run"])) as temporary:
        temporary.write_text(lines(entry) + "\n", encoding="utf-8")


def lines(value: Any, indent: str = "") -> str:
    """JSON that is easy to compare line by line: what fits on a line and holds no objects is on one."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    parts = list(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    if not parts or (len(indent) + len(line) < WIDTH and not any(isinstance(part, dict) for part in parts)):
        return line
    inner = f"{indent} "
    names = [f"{json.dumps(name)}: " for name in value] if isinstance(value, dict) else [""] * len(parts)
    body = [inner + name + lines(part, inner) for name, part in zip(names, parts, strict=True)]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([first, ",\n".join(body), indent + last])


def place(record: Path, suite: str, run: str) -> Path:
    """The file of a run's entry."""
    return inside(record, check_name(suite, "A suite"), f"{check_name(run, 'A run')}.json")


def read_entry(path: Path) -> dict[str, Any]:
    """A checked entry. Raises UserError."""
    entry = read_json(path, "restore it, or publish its run again")
    check_entry(entry, str(path))
    if path != place(path.parents[1], entry["suite"], entry["run"]) or entry["run"] != entry["description"]["name"]:
        raise UserError(f"{path}: suite, run and description name another run; restore it, or publish its run again.")
    return entry


def read_record(record: Path) -> dict[str, list[dict[str, Any]]]:
    """All entries by suite, in the order of their names. Raises UserError."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(record.glob("*/*.json")):
        entries.setdefault(path.parent.name, []).append(read_entry(path))
    return entries
