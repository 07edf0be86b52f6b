"""Rows of config/gpu.tsv on this machine's GPU, in the order of their value, within the minutes that are given.

    python -m benchmarks.gpu.rows --minutes 8 --data packs --out gpu            on a machine with a GPU
    python -m benchmarks.gpu.rows --minutes 2 --data packs --out gpu --pretend  a few steps of each row, on the CPU

It needs a checkout, NumPy, PyYAML and torch 2.11 or later. `--data` is a folder with packs of `benchmarks.gpu.pack`, or
with data sets as they lie below `data/`. A run's files are those of `make run SUITE=gpu`, in `OUT/results/`: that
command reports them if they are copied into a checkout. Each row that ends is a line of `OUT/rows.jsonl`. A row is
skipped if `OUT` or docs/results/ has it already, or if it would take longer than what is left; if none is short enough,
the first of them begins, and its checkpoint waits for the next time. Whatever cuts the script off, no more than one row
is lost; the same command goes on.

Generated images are measured where torch-fidelity is installed and the data set has a classifier of its own. Otherwise
they wait for `make run SUITE=gpu`.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.gpu import missing, pack
from benchmarks.gpu.bench import ROOT, chance_allowed
from benchmarks.gpu.command import OutOfTime, device_of, journal, limited, parser_of
from benchmarks.gpu.pretend import invented, small
from nets.data.preparation import prepare
from nets.data.sources import READERS
from nets.errors import UserError
from nets.evaluation import TrainedRun, evaluate
from nets.fidelity.curve import find_watching
from nets.fidelity.reference import write_reference
from nets.files import read_json
from nets.machine.stop import Stopped
from nets.run import Run, write_runs
from nets.suite import paths
from nets.suite.expansion import load_runs
from nets.suite.starts import row_name
from nets.training.session import JobSettings, Session, settle_description, train

TABLE = ROOT / "config/gpu.tsv"
RECORD = ROOT / "docs/results"
DATA: dict[str, Any] = {
    "type": Path,
    "required": True,
    "help": "folder with packs, or with data sets",
}
FINE = ("done", "in the record", "trained", "stopped", "no_data")  # how rows end that have not failed


@dataclass(frozen=True)
class Place:
    """Where rows are trained, and until when."""

    data: Path
    out: Path
    device: torch.device
    end: float  # in the seconds of time.monotonic
    pretend: bool = False

    @property
    def left(self) -> float:
        """Minutes."""
        return (self.end - time.monotonic()) / 60

    def of(self, file: str) -> Path:
        """A file of `nets.suite.paths`, which are below a working directory, in the folder for results."""
        return self.out / file

    def folder(self, name: str) -> Path:
        """The folder of a run."""
        return self.of(paths.run_folder(paths.results_of(TABLE), name))


def ordered(runs: list[Run]) -> list[Run]:
    """The runs of a table without extractors: the first seed of each row, then the second ones, and so on."""
    seeds: dict[str, int] = {}
    numbered = []
    for run in runs:
        if run.purpose == "benchmark":
            seeds[row_name(run)] = seeds.get(row_name(run), 0) + 1
            numbered.append((seeds[row_name(run)], run))
    return [run for _, run in sorted(numbered, key=lambda pair: pair[0])]


def minutes_of() -> dict[str, float]:
    """How long a run of each row may take."""
    lines = (Path(__file__).parent / "minutes.tsv").read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return {row: float(minutes) for row, minutes in cells[1:]}


def in_record(run: Run, record: Path = RECORD) -> bool:
    """Whether the record has a measured run of the same description. A record that is missing has none."""
    return run.digest in recorded(record)


@cache
def recorded(record: Path) -> set[str]:
    """The digests of the descriptions in the record."""
    found = set()
    for path in record.rglob("*.json"):
        with suppress(OSError, ValueError, TypeError, LookupError, UserError):  # something else than a run
            entry = json.loads(path.read_text(encoding="utf-8"))
            found.add(Run.from_json(json.dumps(entry["description"])).digest)
    return found


def data_of(run: Run, place: Place) -> Path:
    """The prepared data set of a run. Raises DataError; a data set that is not there has the status `no_data`."""
    folder = place.of(paths.prepared(run.dataset)[0]).parent
    if (folder / "dataset.json").exists() and read_json(folder / "dataset.json")["status"] == "ok":
        return folder
    packs = place.data
    if place.pretend:
        packs = place.out / "packs" / run.dataset
        pack.write(run.dataset, run.data, invented(run), packs)
    found = pack.find(packs, run.data)
    own = run.data | {"sources": [{"kind": "packed", "path": str(found)}]} if found else run.data
    here = {"NETS_DATA": str(place.data.absolute()), "NETS_OFFLINE": "1"}
    with mock.patch.dict(READERS, packed="benchmarks.gpu.pack:read"), mock.patch.dict(os.environ, here):
        prepare(run.dataset, own, folder)
    return folder


def measured(place: Place, run: Run) -> str | None:
    """How a run of this description has ended in the folder for results; None if it is not measured."""
    folder = place.folder(run.name)
    try:
        same = Run.load(folder).digest == run.digest
        return read_json(folder / "metrics.json")["status"] if same else None
    except (OSError, ValueError, LookupError, UserError):
        return None


def train_one(place: Place, run: Run, judge: Path | None = None) -> dict[str, Any]:
    """Train a run, from its checkpoint if it has one; returns its manifest. Raises Stopped when the time is over."""
    folder, data = place.folder(run.name), data_of(run, place)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(run.to_json(), encoding="utf-8")
    settings = JobSettings(folder / "train.log", stop_asked=lambda: place.left <= 0, alone=True)
    with chance_allowed(run) if place.pretend else nullcontext():
        train(
            Session(settle_description(folder, None), folder, data, place.device, None, find_watching(judge), settings)
        )
    return read_json(folder / "manifest.json")


def references_of(place: Place, run: Run, judge: Path) -> list[Path]:
    """The reference.json of a data set in the features of its classifier."""
    folder = place.of(paths.reference(paths.results_of(TABLE), run.dataset, "indomain"))
    if not (folder / "reference.json").exists():
        write_reference(judge, data_of(run, place), folder, [run.recipe.options["samples"]], None, place.device)
    return [folder / "reference.json"]


def work(place: Place, run: Run, judges: dict[str, Run]) -> tuple[str, str]:
    """Train and evaluate a run; returns how it ended, and a sentence. Raises Stopped and UserError."""
    info = read_json(data_of(run, place) / "dataset.json")
    if info["status"] != "ok":
        return info["status"], info["reason"]
    judge, references = None, []
    known = judges.get((run.fidelity or {}).get("indomain") or "")
    if known:
        judge = place.folder(known.name) / "manifest.json"
        train_one(place, known)
    manifest = train_one(place, run, judge)
    if manifest["status"] == "ok" and run.fidelity and (judge is None or missing("torch_fidelity")):
        return "trained", "Its samples are not measured here; make run SUITE=gpu does it."
    if manifest["status"] == "ok" and run.fidelity and judge:
        references = references_of(place, run, judge)
    line = evaluate(TrainedRun(place.folder(run.name), data_of(run, place), references, place.device, True))
    ended = measured(place, run) or "failed"
    return "done" if ended == "ok" else ended, line


def attempt(place: Place, run: Run, judges: dict[str, Run]) -> dict[str, Any]:
    """A line about a run: how it ended, and what it cost."""
    began = time.monotonic()
    try:
        status, sentence = work(place, run, judges)
    except Stopped as message:
        status, sentence = "stopped", str(message)
    except Exception as error:
        status, sentence = "error", f"{type(error).__name__}: {error}".splitlines()[0]
    line = {
        "run": run.name,
        "status": status,
        "minutes": round((time.monotonic() - began) / 60, 2),
        "sentence": sentence,
    }
    if status in ("done", "trained"):
        manifest = read_json(place.folder(run.name) / "manifest.json")
        line |= {key: manifest[key] for key in ("seconds", "images_per_second", "peak_memory_mb", "precision")}
    if status == "done":
        entries = read_json(place.folder(run.name) / "metrics.json")["metrics"]
        line["metrics"] = {entry["metric"]: entry["value"] for entry in entries if entry["split"] == "test"}
    return line


def run_rows(place: Place, runs: list[Run]) -> Iterator[dict[str, Any]]:
    """Work on rows until the time is over; yields a line for each that began or needs no work."""
    judges = {run.name: run for run in runs if run.purpose == "extractor"}
    if place.pretend:
        judges = {name: small(run) for name, run in judges.items()}
    expected, long, todo = minutes_of(), [], ordered(runs)
    for run in todo[: len(expected)] if place.pretend else todo:  # to pretend, one seed of each row will do
        if place.left <= 0:
            return
        if in_record(run):
            yield {"run": run.name, "status": "in the record", "minutes": 0, "sentence": ""}
            continue
        chosen = small(run) if place.pretend else run
        if ended := measured(place, chosen):
            status = "done" if ended == "ok" else ended
            yield {"run": run.name, "status": status, "minutes": 0, "sentence": "It was there already."}
        elif not place.pretend and expected[row_name(run)] > place.left:
            long.append(chosen)
        else:
            yield attempt(place, chosen, judges)
    if long and place.left > 0:
        yield attempt(place, long[0], judges)


def train_rows(
    data: Path, out: Path, minutes: float, device: torch.device, pretend: bool = False
) -> list[dict[str, Any]]:
    """Train rows for some minutes, with a line of `rows.jsonl` for each; those of earlier times stay in it."""
    out = out.absolute()
    (out / paths.results_of(TABLE)).mkdir(parents=True, exist_ok=True)
    runs = load_runs(TABLE)
    write_runs(runs, out / paths.results_of(TABLE) / "runs.jsonl")
    place = Place(data.absolute(), out, device, time.monotonic() + 60 * minutes, pretend)
    lines: list[dict[str, Any]] = []
    with journal(out / "rows.jsonl", "a", device, pretend=pretend, minutes=minutes) as write:
        try:
            with limited(60 * minutes + 10):  # an evaluation may end a little later
                for line in run_rows(place, runs):
                    lines.append(line)
                    write(line)
                    shown = line.get("metrics", {}).get("top1")
                    what = line["sentence"] if shown is None else f"top-1 {shown:.2f} % in {line['seconds']} s"
                    print(f"{line['status']:14}{line['minutes']:6.2f} min  {line['run']}  {what}", flush=True)
        except OutOfTime:
            print("The time is over; the row that was under way goes on from its checkpoint next time.", flush=True)
    return lines


def main(argv: list[str] | None = None) -> int:
    """Train rows; the status is 1 if one raised an error or has no result."""
    parser = parser_of("benchmarks.gpu.rows", __doc__)
    parser.add_argument("--data", **DATA)
    args = parser.parse_args(argv)
    return status_of(train_rows(args.data, args.out, args.minutes, device_of(args.pretend), args.pretend))


def status_of(lines: list[dict[str, Any]]) -> int:
    """The exit status: 1 if a row raised an error or has ended without a result."""
    return int(any(line["status"] not in FINE for line in lines))


if __name__ == "__main__":
    sys.exit(main())
