"""From a run's folder to an entry of the record with one measurement, if its files belong together."""

import json
from pathlib import Path
from typing import Any

from nets.errors import UserError
from nets.files import read_json, sha256, sha256_of_json
from nets.metrics.metric import CHOSEN, LEAKED, stem
from nets.record.agreement import values_of
from nets.record.entries import check_entry, rules
from nets.reporting.measures import Measure
from nets.reporting.results import Result, load_result
from nets.run import read_names
from nets.suite.catalogues import ROOT
from nets.suite.keys import recorded
from nets.suite.typed import typed
from nets.trust import check_name, inside

DIGITS = 6  # of a recorded value


def entry_of(results: Path, name: str, known: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """The entry of one run of a suite's folder, with one measurement; `known`: the suite's `rows`, if they were read.

    Raises UserError if the run is a hole, if its results are not those of its description, or if its files have changed
    since they were written.
    """
    folder = inside(results, "runs", check_name(name, "A run"))
    if not (folder / "metrics.json").exists():
        raise UserError(
            f"{name} has no metrics in {folder}; finish it with `make run {typed(results)}`, or correct its name."
        )
    result = load_result(folder)
    if not result.ok:
        raise UserError(
            f"{name} is a hole ({result.status}: {result.reason.rstrip('.')}); the record holds results only."
        )
    description = check_description(result)
    check_files(result)
    suite, siblings = results.name, rows(results) if known is None else known
    if siblings.get(name) != description:
        raise UserError(
            f"{name} is not as runs.jsonl describes it, so its row was edited since; start `make run {typed(results)}` "
            "first."
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
        raise UserError(
            f"{results} has no results of a suite; start `make run {typed(results)}` first, or correct its name."
        )
    return read_names(results / "runs.txt")


def repeat(result: Result) -> str:
    """What to do about a run whose files don't belong together."""
    return f"train it again (delete its folder, then `make run {typed(result.folder.parents[1])}`)"


def check_description(result: Result) -> dict[str, Any]:
    """The description of a run, if its weights were trained from it. Raises UserError."""
    description = read_json(result.folder / "config.json")
    trained = recorded(result.folder).get("train", {}).get("description")
    if sha256_of_json(description) != trained or description.get("name") != result.folder.name:
        raise UserError(f"{result.name}: its config.json is not what it was trained from; {repeat(result)}.")
    return description


def check_files(result: Result) -> None:
    """Raise UserError if a run's weights are not those of its manifest, or its predictions not those of its metrics."""
    for weights in result.manifest["weights"].values():
        path = inside(result.folder, weights["file"])
        if not path.is_file() or sha256(path) != weights["sha256"]:
            raise UserError(f"{path} is not what its manifest names (SHA-256); {repeat(result)}.")
    counted = result.headline if result.headline and stem(result.headline.metric) == "top1" else Measure("top1", "test")
    top1 = values_of(result.numbers).get(counted)
    if top1 is not None and result.right:
        right = 100 * float(result.right[1].mean())
        if abs(right - top1) > 1e-3:
            raise UserError(
                f"{result.folder}: metrics.json says top-1 {top1:.4g} %, its predictions (arrays.npz) {right:.4g} %; "
                f"evaluate it again (delete metrics.json, then `make run {typed(result.folder.parents[1])}`)."
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
        if number.value is not None and not number.metric.endswith(LEAKED):
            weights = "best" if number.metric.endswith(CHOSEN) else plain
            how = {"split": number.split, "weights": weights, "passport": number.passport}
            group = found.setdefault(json.dumps(how, sort_keys=True), how | {"metrics": {}})
            group["metrics"] |= rounded({number.metric: number.value})
    return list(found.values())


def rounded(numbers: dict[str, float]) -> dict[str, float]:
    """Values with six significant digits."""
    return {name: float(f"{value:.{DIGITS}g}") for name, value in numbers.items()}


def selected(value: Any, allowed: dict[str, Any]) -> Any:
    """A value without the keys that a closed schema does not name."""
    if "$ref" in allowed:
        allowed = rules()["$defs"][allowed["$ref"].rpartition("/")[2]]
    if not isinstance(value, dict) or "properties" not in allowed:
        return value
    return {key: selected(value[key], rule) for key, rule in allowed["properties"].items() if key in value}
