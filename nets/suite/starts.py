"""What runs start from: fetched weights (`config/weights.yaml`), or another row of the same table."""

import dataclasses
from typing import Any

from nets.errors import ConfigError, suggest
from nets.run import Run
from nets.suite.catalogues import digits_of

ENCODERS = {  # classifiers that use the encoder of an autoencoder
    "nets.models.autoencoder.EncoderClassifier": "nets.models.autoencoder.ConvAutoencoder",
}

Rows = dict[str, dict[int, Run]]  # by <model>-<dataset>[-<variant>], then by seed


def resolve(runs: list[Run], places: dict[str, str], weights: dict[str, Any]) -> list[Run]:
    """The runs, each with what it starts from. `places` has the file and line of each row. Raises ConfigError."""
    rows: Rows = {}
    for run in runs:
        rows.setdefault(row_name(run), {})[run.seed] = run
    return [start(run, places, rows, weights) for run in runs]


def row_name(run: Run) -> str:
    """<model>-<dataset>[-<variant>]."""
    return run.name.rpartition("-s")[0]


def start(run: Run, places: dict[str, str], rows: Rows, weights: dict[str, Any], trail: tuple[str, ...] = ()) -> Run:
    """A run with its `pretrained` filled in; `trail` has the rows that wait for this one."""
    where, name = places[row_name(run)], run.recipe.options.get("pretrained")
    check_options(run, where)
    if name is None:
        return run
    trail = (*trail, row_name(run))
    if name in trail:
        circle = " starts from ".join((*trail[trail.index(name) :], name))
        raise ConfigError(f"{where}: {circle}; let one of them start from scratch.")
    if name in weights:
        origin = of_weights(run, where, weights[name])
    elif name in rows:
        origin = of_run(run, where, start(rows[name].get(run.seed) or first(rows[name]), places, rows, weights, trail))
    else:
        raise ConfigError(
            f"{where}: options.pretrained={name} is neither a row of this table nor an entry of weights.yaml; "
            + suggest(name, [*weights, *(set(rows) - {row_name(run)})])
        )
    if origin["shape"][0] < run.shape[0]:
        raise ConfigError(f"{where}: {name} was trained on grey images, but {run.dataset} has colours; choose another.")
    return dataclasses.replace(run, pretrained=origin)


def first(seeds: dict[int, Run]) -> Run:
    """The run of a row's first seed."""
    return next(iter(seeds.values()))


def of_weights(run: Run, where: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The start from weights of the catalogue."""
    name = run.recipe.options["pretrained"]
    if run.recipe.options["transfer"] == "self_training":
        raise ConfigError(f"{where}: {name} can't label images; self_training needs a classifier of {run.dataset}.")
    if entry.get("model") != run.model:
        owner = entry.get("model") or entry["title"]
        raise ConfigError(f"{where}: {name} holds weights of {owner}, not of {run.model}; choose others.")
    kept = run.recipe.options["transfer"] == "evaluate_only"
    facts = {"sha256": digits_of(entry), "shape": entry["shape"]}
    facts |= {"mean": entry["mean"], "std": entry["std"]}
    return {"kind": "weights", "name": name, "keep_head": kept} | facts


def of_run(run: Run, where: str, source: Run) -> dict[str, Any]:
    """The start from another run's weights; the digest of that run becomes part of this run's description."""
    if source.draws_labels and source.seed != run.seed:
        raise ConfigError(
            f"{where}: {row_name(source)} has no seed {run.seed}, and each seed has other labelled images, which must "
            "not be mixed; give it the same seeds."
        )
    if run.recipe.options["transfer"] == "self_training" and (source.task, source.dataset) != (run.task, run.dataset):
        raise ConfigError(
            f"{where}: {row_name(source)} can't label images; self_training needs a classifier of {run.dataset}."
        )
    if source.task == "reconstruction":
        return of_autoencoder(run, where, source)
    if source.networks != run.networks:
        raise ConfigError(f"{where}: {row_name(source)} has another architecture; both rows need the same model.")
    kept = source.data["classes"] == run.data["classes"]
    facts = {"sha256": source.digest, "shape": list(source.input_shape), "mean": None, "std": None}
    return {"kind": "run", "name": source.name, "keep_head": kept} | facts


def of_autoencoder(run: Run, where: str, source: Run) -> dict[str, Any]:
    """The start from an autoencoder's encoder, which was trained on pixels in 0..1; the head is new."""
    ours, theirs = run.networks["classifier"], source.networks["autoencoder"]
    if (ENCODERS.get(ours.path), ours.args) != (theirs.path, theirs.args):
        raise ConfigError(
            f"{where}: {row_name(source)} has no encoder for {run.model}; only encoder_classifier can start from an "
            "autoencoder, and only from a conv_autoencoder with the same latent_dim and widths."
        )
    channels = source.shape[0]
    facts = {"sha256": source.digest, "shape": list(source.shape), "mean": [0.0] * channels, "std": [1.0] * channels}
    return {"kind": "run", "name": source.name, "keep_head": False} | facts


def check_options(run: Run, where: str) -> None:
    """Raise ConfigError for options of transfer learning that need or exclude each other."""
    recipe, transfer = run.recipe, run.recipe.options.get("transfer", "none")
    if transfer == "self_training" and not run.draws_labels:
        raise ConfigError(f"{where}: {run.dataset} has no images without labels; self_training needs some.")
    if (transfer == "none") != (recipe.options.get("pretrained") is None):
        raise ConfigError(f"{where}: options.pretrained and options.transfer need each other; set both or none.")
    if (transfer == "evaluate_only") != (recipe.epochs == 0):
        raise ConfigError(f"{where}: epochs=0 and options.transfer=evaluate_only need each other; set both or none.")
    if transfer == "feature_extraction" and any(recipe.augment.values()):
        raise ConfigError(f"{where}: features are computed once, from unchanged images; leave out augment.")
    if "validation" not in run.data["splits"] and transfer != "evaluate_only":
        raise ConfigError(f"{where}: {run.dataset} has no training images; only evaluate_only can use it.")
