"""What each stage of the workflow is made of, so that an edit reruns only what it can have changed.

Snakemake compares the digests of these facts with the last ones. When a stage runs, it writes its facts to
`made_of.json` in its folder; from them, `nets.suite.changes` tells what has changed since.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nets.data.sources import reader_of
from nets.errors import UserError
from nets.files import sha256, sha256_of_json, write_json
from nets.run import Run
from nets.suite.definitions import PACKAGE, locate
from nets.suite.slices import Slice, slice_of
from nets.tasks.kinds import KINDS

TABLES = ("nets.metrics.*",)  # reports read their words by walking the folder
NUMERICS = "nets.training.numerics"  # what decides bits besides the seed; jobs call it
ROOTS = {  # where the work of a stage begins
    "prepare": ("nets.data.preparation:prepare",),
    "train": ("nets.training.session", NUMERICS),
    "reference": ("nets.fidelity.reference:write_reference", NUMERICS),
    "evaluate": ("nets.evaluation", NUMERICS),
    "repeat": ("nets.repeated", NUMERICS),
    "draw": ("nets.jobs.draw", *TABLES),
    "collect": ("nets.jobs.collect", *TABLES),
    "compare": ("nets.jobs.compare", *TABLES),
    "report": ("nets.jobs.report", *TABLES),
    "track": ("nets.jobs.track", *TABLES),
}
LOOKUPS = {  # what `nets.jobs.train` calls for some runs only: which weights a run starts from, and which watch it
    "start": "nets.training.pretrained:find_start",
    "extractor": "nets.fidelity.curve:find_watching",
}
NEUTRAL = (  # code that cannot change a number
    "nets.machine",  # how a job runs: devices, locks, memory, progress
    "nets.errors",  # messages
    "nets.jobs.common",  # how a job shows them
    "nets.reporting.brief",  # what a terminal shows
    "nets.jobs:found_last",  # where packages are looked for
    "nets.jobs:<statement>",
    "nets.trust",  # what is refused
    "nets.suite.catalogues",  # what they say is in the descriptions
    "nets.files",  # writes files whole or not at all
    "nets.data.download",  # downloads are verified by SHA-256
    "nets.suite.keys",  # this file names results and computes none
    "nets.optimizers",  # the description has the optimizer's name
    "nets.tasks.kinds",  # names for imports at run time; `run_source` adds the one that is used as a root
    "nets.data.sources:READERS",  # likewise, with `data_source`
)
# What a stage reads besides Python.
FILES = dict.fromkeys(("compare", "report"), "nets/reporting/page/templates/**/*.*")
MADE_OF = "made_of.json"


def stage_source(stage: str) -> Slice:
    """The source of a stage that all runs share."""
    source, root = slice_of(ROOTS[stage], NEUTRAL), PACKAGE.parent
    read = sorted(root.glob(FILES[stage])) if stage in FILES else []
    return replace(source, files=source.files | {str(path.relative_to(root)): sha256(path)[:8] for path in read})


def data_source(entry: dict[str, Any]) -> Slice:
    """The source that prepares a data set; of the readers, only those of its own sources."""
    readers = filter(None, {reader_of(source) for source in entry["sources"]})
    return slice_of((*ROOTS["prepare"], *sorted(readers)), NEUTRAL)


def run_source(stage: str, run: Run) -> Slice:
    """The source of a run's training, evaluation or repetition: the stage, the run's task and networks.

    Of a network in this project, only the class is followed; of one in another package, the whole module. Fidelity is
    included for runs whose samples are measured.
    """
    networks = {n.path if n.path.startswith("nets.") else n.module for n in run.networks.values()}
    kind = KINDS[run.task]
    paths = [(kind.generator if run.fidelity else kind.task) or "", *sorted(networks)]
    roots = [":".join(path.rsplit(".", 1)) if path.startswith("nets.") else path for path in paths]
    if stage in ("train", "repeat"):
        roots += [LOOKUPS["start"]] * bool(run.pretrained) + [LOOKUPS["extractor"]] * bool(run.fidelity)
    return slice_of((*ROOTS[stage], *roots), NEUTRAL if run.fidelity else (*NEUTRAL, "nets.fidelity"))


def training_facts(
    run: Run, data: dict[str, str] | None, start: str | None, extractor: str | None, torch_version: str
) -> dict[str, Any]:
    """Everything that decides what a run becomes, so that no run continues from another's checkpoint.

    `data` has the SHA-256 of each file of the prepared data. `start` is that of the weights that the run starts from,
    `extractor` that of the classifier that measures its samples during training.
    """
    return {
        "description": run.digest,
        "source": run_source("train", run).files,
        "data": data,
        "start": start,
        "extractor": extractor,
        "torch": torch_version,
    }


def checkpoint_key(facts: dict[str, Any]) -> str:
    """The SHA-256 of `training_facts`; it names a run's checkpoints."""
    return sha256_of_json(facts)


def record(folder: Path, stage: str, facts: dict[str, Any]) -> None:
    """Note in a folder what one of its stages is made of now. Only `nets.suite.changes` reads the file."""
    write_json(folder / MADE_OF, recorded(folder) | {stage: facts})


def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """What the stages were made of when they last ran; empty if none ran or the file is damaged."""
    try:
        return dict(json.loads((folder / MADE_OF).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return {}


def check_findable(modules: Iterable[str]) -> None:
    """Raise UserError if Python does not find a module that the catalogue of models names."""
    for module in modules:
        if locate(module) is None:
            raise UserError(
                f"models.yaml: Python finds no module {module!r}; correct the class's path, or put the folder of its "
                "package on PYTHONPATH."
            )
