"""What has changed since a stage ran, in words: compares what it was made of with what it would be made of now."""

import json
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from nets.run import Run, chosen_weights
from nets.suite import paths
from nets.suite.keys import data_source, recorded, run_source, stage_source, training_facts

SHOWN = 4  # how many changed files are named
MEANT = {  # facts that are hashes, in words
    "data": "the prepared data have changed",
    "start": "the weights that it starts from have changed",
    "extractor": "the classifier that measures its samples has changed",
}
LONGEST = 200  # characters of the name of Snakemake's note on a file; it splits longer ones
ECHOES = ("title", "row", "overridden", "description")  # keys that only repeat the change of another key


def folder_of(results: str, stage: str, wildcards: dict[str, str]) -> Path:
    """The folder in which a stage notes what it was made of."""
    if stage == "prepare":
        return Path(paths.DATA, wildcards["dataset"])
    if stage == "reference":
        return Path(paths.reference(results, wildcards["dataset"], wildcards["extractor"]))
    return Path(paths.run_folder(results, wildcards["run"]))


def since(results: str, stage: str, wildcards: dict[str, str], runs: dict[str, Run], torch_version: str) -> list[str]:
    """What has changed since a stage ran, as clauses. Raises LookupError if the stage left no note."""
    folder = folder_of(results, stage, wildcards)
    then = recorded(folder)[stage]
    clauses: list[str] = []
    if stage == "prepare":
        run = next(run for run in runs.values() if run.dataset == wildcards["dataset"])
        clauses += differences(then["entry"], entry_of(run))
        now: dict[str, Any] = {"source": data_source(run.data).files}
    elif stage in ("train", "evaluate", "repeat"):
        run = runs[wildcards["run"]]
        now = {"source": run_source(stage, run).files}
        if stage == "train":
            now = facts_now(results, run, torch_version)
            if (folder / "config.json").exists() and now["description"] != then["description"]:
                clauses += differences(
                    json.loads((folder / "config.json").read_text(encoding="utf-8")), json.loads(run.to_json())
                )
    else:
        now = {"source": stage_source(stage).files}
    clauses += [words for fact, words in MEANT.items() if now.get(fact) and now[fact] != then.get(fact)]
    if now.get("torch", then.get("torch")) != then.get("torch"):
        clauses.append(f"torch was {then['torch']} and is {now['torch']}")
    return clauses + files(then["source"], now["source"])


def stale(results: str, runs: Collection[Run], notes: Path) -> list[str]:
    """An output of each stage that was made of something else, by the note in its folder.

    `notes` is where Snakemake keeps its own: it compares itself what it has a note of. It has none of results that were
    copied without it.
    """
    known = set(os.listdir(notes)) if notes.is_dir() else set()
    outputs = {paths.prepared(run.dataset)[0]: ("prepare", run) for run in runs}
    for run in runs:
        manifest, metrics = paths.run_files(results, run.name, ("manifest.json", "metrics.json"))
        outputs |= {manifest: ("train", run), metrics: ("evaluate", run)}
    found = []
    for output, (stage, run) in outputs.items():
        name = urlsafe_b64encode(output.encode()).decode()  # as Snakemake names its notes, unless they are too long
        if name in known or len(name) > LONGEST or not os.path.exists(output):
            continue
        then = recorded(Path(output).parent).get(stage)
        if isinstance(then, dict) and any(then.get(key) != value for key, value in made_now(stage, run).items()):
            found.append(output)
    return found


def made_now(stage: str, run: Run) -> dict[str, Any]:
    """What the parameters of a stage's rule would be made of now."""
    if stage == "prepare":
        return {"entry": json.loads(json.dumps(entry_of(run))), "source": data_source(run.data).files}
    return {"source": run_source(stage, run).files} | ({"description": run.digest} if stage == "train" else {})


def entry_of(run: Run) -> dict[str, Any]:
    """The part of a data set's entry that preparation depends on."""
    return {key: value for key, value in run.data.items() if key != "extractor"}


def facts_now(results: str, run: Run, torch_version: str) -> dict[str, Any]:
    """What a run's training would be made of now; None for a file that is missing."""
    hashes = note(paths.prepared(run.dataset)[0]).get("hashes")
    used = [[note(path) for path in of(results, run)[:1]] for of in (paths.start_of, paths.watching_of)]
    begins, watches = (of[0].get("sha256") or chosen_weights(of[0]).get("sha256") if of else None for of in used)
    return training_facts(run, hashes, begins, watches, torch_version)


def note(path: str) -> dict[str, Any]:
    """The content of a JSON file; empty if there is no file."""
    return dict(json.loads(Path(path).read_text(encoding="utf-8"))) if Path(path).exists() else {}


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Each key in which two descriptions differ, with both values: 'optimizer.lr was 0.01 and is 0.1'."""
    before, after = dict(flat(then)), dict(flat(now))
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    changed = [key for key in changed if key.partition(".")[0] not in ECHOES] or changed
    return [f"{key.removeprefix('recipe.')} was {show(before, key)} and is {show(after, key)}" for key in changed]


def flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested objects, by keys joined with dots."""
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def show(values: dict[str, Any], key: str) -> str:
    """A value as JSON, with shortened hashes."""
    if key not in values:
        return "not set"
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1…", json.dumps(values[key], ensure_ascii=False))


def files(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """The source files that have changed in the part that a stage uses."""
    changed = sorted(file for file in then.keys() | now.keys() if then.get(file) != now.get(file))
    if len(changed) > SHOWN:
        return [f"{len(changed)} source files have changed, among them {', '.join(changed[:SHOWN])}"]
    return [f"{file} has changed" for file in changed]
