"""Results of several machines or people in one folder, so that one report shows them.

A run is taken only if it is what the suite describes, made by this code from the same data. Its files then get new
times, in the order of the stages, so that Snakemake finds it whole and reruns nothing.
"""

import json
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nets.errors import UserError
from nets.files import read_json
from nets.record.measured import check_files, names_of
from nets.reporting.results import load_result
from nets.run import Run
from nets.suite import paths
from nets.suite.changes import MEANT, differences, facts_now, files, made_now
from nets.suite.keys import MADE_OF, recorded
from nets.suite.typed import typed
from nets.trust import inside, refuse_links

STAGES = {  # the files of each stage, in the order in which they are made
    "train": (*paths.TRAINED, "best.safetensors"),
    "evaluate": (*paths.EVALUATED, "timing.json"),
}
BESIDE = (MADE_OF, paths.REPEATED, "costs.json")
TAKEN, THERE = "taken", "already here"


class Merge:
    """Takes runs of one folder into that of a suite."""

    def __init__(self, runs: Iterable[Run], into: Path):
        """`runs` are those that the suite describes; `into` is the folder of its results: `results/<suite>`.

        Raises UserError if it is in another folder, where the data of its runs would not be found.
        """
        if into.resolve().parent != Path(paths.DATA).resolve().parent:
            raise UserError(f"INTO={into}: results are merged into results/ of the working folder; start make there.")
        self.runs, self.into = {run.name: run for run in runs}, into

    def take_all(self, source: Path) -> tuple[dict[str, str], list[str]]:
        """What happened to each run of a folder of results, by name, and why others were refused.

        Raises UserError if it is no such folder.
        """
        if source.resolve() == self.into.resolve():
            raise UserError(f"{source} is the folder into which results are merged; name another one.")
        refuse_links(source)
        ends: dict[str, str] = {}
        refused: list[str] = []
        for name in sorted(names_of(source), key=lambda name: (self.depth(name), name)):
            try:
                ends[name] = self.take(source, name)
            except UserError as error:
                refused.append(f"{name}: {error}")
        return ends, refused

    def depth(self, name: str) -> int:
        """How many runs a run waits for, one after another: those that it needs are taken first."""
        needed = [other for other in self.needs(name) if other in self.runs and other != name]
        return 1 + max(map(self.depth, needed), default=-1)

    def needs(self, name: str) -> list[str]:
        """The runs from which a run starts, or that measure its samples."""
        run = self.runs.get(name)
        names = [run.pretrained["name"] if run.pretrained else None] if run else []
        return [*filter(None, [*names, (run.fidelity or {}).get("indomain") if run else None])]

    def take(self, source: Path, name: str) -> str:
        """Take one run; returns TAKEN or THERE. Raises UserError if it does not belong here."""
        folder = inside(source, "runs", name)
        if not (folder / "metrics.json").exists():
            raise UserError("it has not ended there.")
        result = load_result(folder)
        if not result.ok:
            raise UserError(f"it is a hole ({result.status}: {result.reason.rstrip('.')}).")
        if name not in self.runs:
            raise UserError(f"the suite has no such run; add its row and seed, then merge again ({typed(self.into)}).")
        self.check_made(folder, name)
        check_files(result)
        self.check_inputs(source, folder, self.runs[name])
        own = Path(paths.run_folder(str(self.into), name))
        if (own / "metrics.json").exists() and load_result(own).ok:
            if weights(own) != weights(folder) or numbers(own) != numbers(folder):
                raise UserError(f"{own} has other weights or numbers; delete the one that you don't want.")
            return THERE
        self.copy_run(folder, own)
        return TAKEN

    def check_made(self, folder: Path, name: str) -> None:
        """Raise UserError if a run has another description, or was made by other code."""
        run, notes = self.runs[name], recorded(folder)
        described = differences(read_json(folder / "config.json"), json.loads(run.to_json()))
        if described:
            raise UserError(f"it is described otherwise: {'; '.join(described)}.")
        for stage in STAGES:
            then, now = notes.get(stage), made_now(stage, run)
            if not isinstance(then, dict):
                raise UserError(f"nothing says what its {stage} was made of ({MADE_OF}).")
            if then.get("source") != now["source"]:
                changed = "; ".join(files(dict(then.get("source") or {}), now["source"]))
                made = read_json(folder / "manifest.json").get("revision") or "an unknown revision"
                raise UserError(f"other code made it ({changed}); check out {made[:12]}, or run it again here.")
            if then.get("description", run.digest) != run.digest:
                raise UserError("its config.json is not what it was trained from.")

    def check_inputs(self, source: Path, folder: Path, run: Run) -> None:
        """Raise UserError if a run's data, start, or references are others than those here; take what is missing."""
        then = recorded(folder)["train"]
        self.take_shared(source, f"data/{run.dataset}", "dataset.json")
        for needed in self.needs(run.name):
            if needed in self.runs and not Path(paths.run_folder(str(self.into), needed), "manifest.json").exists():
                raise UserError(f"it needs {needed}, which is not here; merge that first.")
        for note in paths.fetched_for([run]):
            self.take_shared(source, f"weights/{Path(note).name}", "")
        now = facts_now(str(self.into), run, then.get("torch", ""))
        for fact, words in MEANT.items():
            if then.get(fact) != now[fact]:
                raise UserError(f"it can't stand beside the runs here: {words}.")
        for reference in paths.references_of(str(self.into), run):
            own = Path(reference).parent
            theirs = inside(source, "fidelity", own.name)
            if not (own / "reference.json").exists():
                copy_folder(theirs, own)
            elif identity(own) != identity(theirs):
                raise UserError(f"its samples were compared with other references than {own}.")

    def take_shared(self, source: Path, name: str, note: str) -> None:
        """Copy what suites share, prepared data and notes of weights, if it is not here yet. Raises UserError."""
        own, theirs = self.into.parent / name, inside(source.parent, name)
        if (own / note if note else own).exists():
            return
        if not (theirs / note if note else theirs).exists():
            raise UserError(f"{name} is neither here nor beside it; get it first: make fetch {typed(self.into)}")
        refuse_links(theirs if note else theirs.parent)
        if note:
            copy_folder(theirs, own)
        else:
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(theirs, own)

    def copy_run(self, folder: Path, own: Path) -> None:
        """Copy a run's files, stage by stage, with the times of now; nothing else of its folder."""
        partly = own.with_name(f".{own.name}.merging")
        shutil.rmtree(partly, ignore_errors=True)
        partly.mkdir(parents=True)
        for name in [*BESIDE, *(name for names in STAGES.values() for name in names)]:
            if (folder / name).exists():
                shutil.copyfile(folder / name, partly / name)
        for part in ("figures", "logs"):
            if (folder / part).is_dir():
                copy_folder(folder / part, partly / part)
        moment = time.time()
        for step, names in enumerate((*STAGES.values(), (paths.FIGURES,))):
            for path in (partly / name for name in names):
                for each in (*path.glob("*"), path) if path.exists() else ():
                    os.utime(each, (moment + step / 100, moment + step / 100))
        shutil.rmtree(own, ignore_errors=True)
        partly.rename(own)


def copy_folder(source: Path, target: Path) -> None:
    """Copy the files of a folder, with the times of now; whole or not at all. Raises UserError if it is missing."""
    if not source.is_dir():
        raise UserError(f"{source} is missing.")
    partly = target.with_name(f".{target.name}.merging")
    shutil.rmtree(partly, ignore_errors=True)
    shutil.copytree(source, partly, copy_function=shutil.copyfile)
    shutil.rmtree(target, ignore_errors=True)
    partly.rename(target)


def weights(folder: Path) -> Any:
    """The hashes of a run's weights."""
    return {name: each["sha256"] for name, each in read_json(folder / "manifest.json")["weights"].items()}


def numbers(folder: Path) -> Any:
    """The numbers of a run."""
    return read_json(folder / "metrics.json")["metrics"]


def identity(folder: Path) -> dict[str, Any]:
    """What decides numbers in a reference; empty if it is missing."""
    content = read_json(folder / "reference.json") if (folder / "reference.json").exists() else {}
    return {key: content.get(key) for key in ("status", "extractor", "reference", "features_sha256")}
