"""Where the files of a suite are; no other module decides this. Paths are relative to Snakemake's working directory.

`results` is a suite's folder, such as "results/quick". Names of runs and data sets may be wildcards, such as "{run}".
"""

from collections.abc import Iterable
from pathlib import Path

from nets.run import Run
from nets.tasks.kinds import KINDS

DATA, WEIGHTS, FEATURES = "results/data", "results/weights", "results/features"  # shared by suites
TRAINED = ("config.json", "manifest.json", "history.csv", "model.safetensors", "snapshots.npz")
EVALUATED = ("metrics.json", "arrays.npz")
FIGURES = "figures"
REPEATED = "repeated.json"


def results_of(table: Path) -> str:
    """The folder of a suite's results, from its table."""
    return f"results/{table.stem}"


def run_folder(results: str, run: str) -> str:
    """The folder of a run."""
    return f"{results}/runs/{run}"


def run_files(results: str, run: str, names: Iterable[str] = (*TRAINED, *EVALUATED, FIGURES)) -> list[str]:
    """Files of a run; by default all that the rules make for it."""
    return [f"{run_folder(results, run)}/{name}" for name in names]


def repeated(results: str, runs: Iterable[Run], all_of_them: bool = False) -> list[str]:
    """The files of runs that are trained again and tested after every epoch: those whose rows ask for it.

    With `all_of_them`, those of every run that learns and whose kind may choose weights on validation data.
    """
    asked = [
        run
        for run in runs
        if run.recipe.options.get("test_every_epoch")
        or (all_of_them and run.recipe.epochs and KINDS[run.task].task and run.purpose == "benchmark")
    ]
    return [f"{run_folder(results, run.name)}/{REPEATED}" for run in asked]


def prepared(dataset: str, *parts: str) -> list[str]:
    """The description of a prepared data set, and the given parts of it (`learning`, `test`)."""
    return [f"{DATA}/{dataset}/{name}" for name in ("dataset.json", *parts)]


def fetched(weights: str) -> str:
    """The note of fetched weights, from their name in weights.yaml."""
    return f"{WEIGHTS}/{weights}.json"


def reference(results: str, dataset: str, extractor: str) -> str:
    """The folder of the features that an extractor (`indomain`, `inception`) reads from a data set's test images."""
    return f"{results}/fidelity/{dataset}-{extractor}"


def start_of(results: str, run: Run) -> list[str]:
    """The weights that a run starts from: those of another run, or fetched ones; empty for most runs."""
    start = run.pretrained
    if not start:
        return []
    if start["kind"] == "weights":
        return [fetched(start["name"])]
    return run_files(results, start["name"], ("manifest.json", "model.safetensors"))


def watching_of(results: str, run: Run) -> list[str]:
    """The classifier that measures a run's samples during training; empty if there is none."""
    indomain = run.fidelity and run.fidelity["indomain"]
    return run_files(results, indomain, ["manifest.json"]) if indomain else []


def references_of(results: str, run: Run) -> list[str]:
    """The features of real images with which a run's samples are compared; empty for runs without samples."""
    names = [name for name in ("indomain", "inception") if run.fidelity and run.fidelity[name]]
    return [f"{reference(results, run.dataset, name)}/reference.json" for name in names]


def extractor_of(results: str, indomain: str | None, extractor: str) -> str:
    """The weights of an extractor: those of the run `indomain`, or fetched ones."""
    return fetched(extractor) if extractor == "inception" else run_files(results, str(indomain), ["manifest.json"])[0]


def fetched_for(runs: Iterable[Run]) -> list[str]:
    """The notes of all fetched weights that runs need: those that they start from, and those that measure samples."""
    names = {run.pretrained["name"] for run in runs if run.pretrained and run.pretrained["kind"] == "weights"}
    names |= {"inception" for run in runs if run.fidelity and run.fidelity["inception"]}
    return sorted(map(fetched, names))


def lost(results: str, runs: Iterable[str]) -> list[str]:
    """The missing files of runs that have begun."""
    files = [Path(file) for run in runs for file in run_files(results, run)]
    return [str(file) for file in files if file.parent.exists() and not file.exists()]
