"""The entries of the record, `docs/results/<suite>/<run>.json`: made from a run's folder, checked, merged, read back.

An entry holds the description of one run and its measurements. There is one measurement of each machine, and more if
they disagree: a result never takes the place of another one from which it differs by more than its tolerance.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nets.errors import UserError
from nets.files import atomic, read_json, sha256
from nets.record.agreement import apart, headlines, made_alike, values_of
from nets.reporting.glossary import describe
from nets.reporting.measures import Measure, Number
from nets.reporting.results import Result, comparison_task, load_result
from nets.run import Run, read_names
from nets.suite.catalogues import ROOT, check, schema, texts
from nets.suite.keys import recorded
from nets.trust import check_name, inside

if TYPE_CHECKING:
    import numpy as np

RECORD = ROOT / "docs/results"
DIGITS = 6  # of a recorded value
WIDTH = 120  # of a line
PLACE = re.compile(r"(?:^|[\s'\"(=])(/[\w.+-]+){2,}|^[A-Za-z]:\\|\\\\|^~/")  # a path of one machine
NEW, UNCHANGED, AGAIN = "new", "unchanged", "measured again, within the tolerance"  # what `merged` did
AGREES = "kept beside the measurement of another machine, with which it agrees"
DISAGREES = "DISAGREES with the record by more than its tolerance; both are kept"
CHOSEN = "_best"  # ends the names of metrics of the weights that were best on validation data
REPEAT = "train it again (delete its folder, then `make run`)"


@dataclass(frozen=True)
class Recorded(Result):
    """A result as the record keeps it: without arrays and histories."""

    images: int | None = None
    answered: dict[str, str] | None = None  # see `bits`
    known: tuple[dict[str, Any], ...] = ()  # the scale of its data set, as in `reference.json`

    @property
    def test_images(self) -> int | None:
        """How many test images it was measured on."""
        return self.images

    @cached_property
    def right(self) -> "tuple[str, np.ndarray] | None":
        """Which test images a classifier answers right, as (N,) bool, after the SHA-256 of their labels; else None."""
        import numpy as np

        if not self.answered or not self.images:
            return None
        packed = np.frombuffer(bytes.fromhex(self.answered["right"]), np.uint8)
        return self.answered["labels"], np.unpackbits(packed, count=self.images).astype(bool)

    @property
    def scale(self) -> list[dict[str, Any]]:
        """The fidelity numbers of real images and of noise."""
        return list(self.known)


def entry_of(results: Path, name: str) -> dict[str, Any]:
    """The entry of one run of a suite's folder, with one measurement.

    Raises UserError if the run is a hole, if its results are not those of its description, or if its files have changed
    since they were written.
    """
    folder = inside(results, "runs", check_name(name, "A run"))
    if not (folder / "metrics.json").exists():
        raise UserError(f"{name} has no metrics in {folder}; finish it with `make run`, or correct its name.")
    result = load_result(folder)
    if not result.ok:
        raise UserError(
            f"{name} is a hole ({result.status}: {result.reason.rstrip('.')}); the record holds results only."
        )
    description = check_description(result)
    check_files(result)
    suite, siblings = results.name, rows(results)
    if siblings.get(name) != description:
        raise UserError(
            f"{name} is not as runs.jsonl describes it, so its row was edited since; start `make run` first."
        )
    row = [description[key] for key in ("model", "dataset", "variant")]
    seeds = [each["seed"] for each in siblings.values() if [each[k] for k in ("model", "dataset", "variant")] == row]
    entry = {
        "run": name,
        "suite": suite,
        "command": command(suite),
        "seeds": sorted(seeds),
        "description": description,
        "measurements": [measurement_of(result)],
    }
    check_entry(entry, name)
    return entry


def command(suite: str) -> str:
    """What a person types to repeat a suite."""
    return f"make run SUITE={suite}" if (ROOT / f"config/{suite}.tsv").exists() else f"make run TABLE={suite}.tsv"


def rows(results: Path) -> dict[str, dict[str, Any]]:
    """The descriptions in a suite's `runs.jsonl`, by name. Raises UserError."""
    try:
        lines = (results / "runs.jsonl").read_text(encoding="utf-8").splitlines()
        return {run["name"]: run for run in map(json.loads, lines)}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{results} has no readable runs.jsonl; name the folder of a suite that has run.") from None


def names_of(results: Path) -> list[str]:
    """The names of a suite's runs. Raises UserError."""
    if not (results / "runs.txt").exists():
        raise UserError(f"{results} has no results of a suite; start `make run` first, or correct its name.")
    return read_names(results / "runs.txt")


def check_description(result: Result) -> dict[str, Any]:
    """The description of a run, if its weights were trained from it. Raises UserError."""
    description = read_json(result.folder / "config.json")
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    trained = recorded(result.folder).get("train", {}).get("description")
    if digest != trained or description.get("name") != result.folder.name:
        raise UserError(f"{result.name}: its config.json is not what it was trained from; {REPEAT}.")
    return description


def check_files(result: Result) -> None:
    """Raise UserError if a run's weights are not those of its manifest, or its predictions not those of its metrics."""
    for weights in result.manifest["weights"].values():
        path = inside(result.folder, weights["file"])
        if not path.is_file() or sha256(path) != weights["sha256"]:
            raise UserError(f"{path} is not what its manifest names (SHA-256); {REPEAT}.")
    top1 = values_of(result.numbers).get(Measure("top1", "test"))
    if top1 is not None and result.right:
        right = 100 * float(result.right[1].mean())
        if abs(right - top1) > 1e-3:
            raise UserError(
                f"{result.folder}: metrics.json says top-1 {top1:.4g} %, its predictions (arrays.npz) {right:.4g} %; "
                "evaluate it again (delete metrics.json, then `make run`)."
            )


def measurement_of(result: Result) -> dict[str, Any]:
    """A measurement: the relevant part of the manifest, the metrics with their standing, and the scale of fidelity."""
    measured = read_json(result.folder / "metrics.json")
    scale = result.scale if any(number.passport for number in result.numbers) else []
    return {
        "manifest": selected(result.manifest, rules()["$defs"]["manifest"]),
        "evaluated_in": measured["precision"],
        "headline": measured["headline"],
        "test_images": result.test_images,
        "answered": bits(result),
        "metrics": groups(result),
        "scale": [entry | {"metrics": rounded(entry["metrics"])} for entry in scale],
    }


def bits(result: Result) -> dict[str, str] | None:
    """Which test images a classifier answers right, one bit an image, in hex, and the SHA-256 of their labels."""
    import numpy as np

    if result.right is None:
        return None
    labels, right = result.right
    return {"labels": labels, "right": np.packbits(right).tobytes().hex()}


def groups(result: Result) -> list[dict[str, Any]]:
    """The metrics that were measured alike: on one split, with the last or the chosen weights, by one passport."""
    found: dict[str, dict[str, Any]] = {}
    two = any(number.metric.endswith(CHOSEN) for number in result.numbers)
    plain = "last" if two or "best" not in result.manifest["weights"] else "best"
    for number in result.numbers:
        if number.value is not None:
            weights = "best" if number.metric.endswith(CHOSEN) else plain
            how = {"split": number.split, "weights": weights, "passport": number.passport}
            group = found.setdefault(json.dumps(how, sort_keys=True), how | {"metrics": {}})
            group["metrics"] |= rounded({number.metric: number.value})
    return list(found.values())


def rounded(numbers: dict[str, float]) -> dict[str, float]:
    """Values with six significant digits."""
    return {name: float(f"{value:.{DIGITS}g}") for name, value in numbers.items()}


@cache
def rules() -> dict[str, Any]:
    """The schema of an entry. A description may have all fields of `Run`, and must have those without a default."""
    found = schema("record")
    known = {field.name: field.default is MISSING for field in fields(Run)}
    found["properties"]["description"]["properties"] = dict.fromkeys(known, {})
    found["properties"]["description"]["required"] = [name for name, required in known.items() if required]
    return found


def selected(value: Any, allowed: dict[str, Any]) -> Any:
    """A value without the keys that a closed schema does not name."""
    if "$ref" in allowed:
        allowed = rules()["$defs"][allowed["$ref"].rpartition("/")[2]]
    if not isinstance(value, dict) or "properties" not in allowed:
        return value
    return {key: selected(value[key], rule) for key, rule in allowed["properties"].items() if key in value}


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
    (measurement,), fresh = new["measurements"], result_of(new)
    if old["description"] != new["description"]:
        return new, "replaces results of another description"
    if headlines(result_of(old)).keys() != headlines(fresh).keys():
        return new, "replaces results that measured something else"
    kept = list(old["measurements"])
    agree = [not apart(headlines(result_of(old, at)), headlines(fresh), trained=True) for at in range(len(kept))]
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


def result_of(entry: dict[str, Any], at: int = 0) -> Recorded:
    """The result that an entry's measurement describes. Raises UserError if another version of nets wrote it."""
    measurement, folder = entry["measurements"][at], RECORD / entry["suite"] / entry["run"]
    try:
        run = Run.from_json(json.dumps(entry["description"]))
    except (TypeError, KeyError):
        raise UserError(f"{folder}.json is of another version of nets; publish its run again.") from None
    return Recorded(
        *(folder, run, measurement["manifest"], "ok", "", "", Measure(**measurement["headline"])),
        list(numbers(measurement)),
        comparison_task(run),
        images=measurement["test_images"],
        answered=measurement["answered"],
        known=tuple(measurement["scale"]),
    )


def numbers(measurement: dict[str, Any]) -> Iterator[Number]:
    """The numbers of a measurement."""
    for group in measurement["metrics"]:
        for metric, value in group["metrics"].items():
            yield Number(group["split"], metric, value, describe(metric).direction, group["passport"])


def missing(entries: list[dict[str, Any]]) -> Iterator[Result]:
    """A hole for each seed of a row that has no entry, so that no mean is over fewer seeds than the row asks for."""
    known: dict[str, dict[str, Any]] = {entry["run"]: entry for entry in entries}
    for entry in entries:
        for seed in entry["seeds"]:
            name = re.sub(r"-s\d+$", f"-s{seed}", entry["run"])
            if name not in known:
                known[name] = entry
                description = entry["description"] | {"name": name, "seed": seed}
                run = Run.from_json(json.dumps(description))
                yield Result(
                    *(
                        RECORD / entry["suite"] / name,
                        run,
                        {},
                        "not recorded",
                        "It is not in the record.",
                        "",
                        None,
                        [],
                    ),
                    comparison_task(run),
                )
