"""From the tables that a user writes to run descriptions: loading, validation, expansion.

Every mistake that a user can make is reported in one sentence, with its file and row, before anything runs. This module
does not import torch, because Snakemake imports it at every start.
"""

import copy
import difflib
import re
from pathlib import Path
from typing import Any

from nets.errors import ConfigError, shorten, suggest
from nets.optimizers import OPTIMIZERS
from nets.run import Network, Recipe, Run
from nets.suite.catalogues import check, complete, load_catalogues, schema
from nets.suite.compatibility import Row, check_row, generates
from nets.suite.starts import resolve as resolve_pretrained
from nets.suite.starts import row_name
from nets.suite.table import COLUMNS, parse_seeds, read_table
from nets.suite.written import parse_value
from nets.tasks.kinds import KINDS

LARGEST = 100_000  # argument of a network
FIXED = ("task", "source", "changed", "initialisation")  # keys of a recipe that describe it and are not part of a run


def load_runs(table: Path) -> list[Run]:
    """All runs of a table, with the extractors for its generators: classifiers that measure samples.

    Raises ConfigError.
    """
    catalogues = load_catalogues(table.parent)
    runs: list[Run] = []
    lines: dict[tuple[str, str, str], int] = {}
    places: dict[str, str] = {}
    for line, cells in read_table(table):
        where = f"{table}, line {line}"
        key = (cells["model"], cells["dataset"], cells["variant"])
        if key in lines:
            same = "-".join(filter(None, key))
            raise ConfigError(f"{where}: {same} is already in line {lines[key]}; give one of them a variant.")
        lines[key] = line
        runs += expand_row(cells, where, catalogues)
        places[row_name(runs[-1])] = where
    runs = resolve_pretrained(runs, places, catalogues["weights"])
    for run in (own := extractors(runs, catalogues, table)):
        if row_name(run) in places:
            raise ConfigError(
                f"{places[row_name(run)]}: {row_name(run)} is an extractor's name; choose another variant."
            )
    return runs + own


def expand_row(cells: dict[str, str], where: str, catalogues: dict, purpose: str = "benchmark") -> list[Run]:
    """The runs of one row: one per seed."""
    for column in ("model", "dataset", "recipe"):
        known = catalogues[f"{column}s"]
        if cells[column] not in known:
            raise ConfigError(f"{where}: unknown {column} {shorten(cells[column])!r}; {suggest(cells[column], known)}")
    if not re.fullmatch(r"[a-z0-9_.]{0,60}", cells["variant"]):
        raise ConfigError(
            f"{where}: variant {shorten(cells['variant'])!r} may have at most 60 characters: a-z, 0-9, '_', '.'."
        )
    model = with_variant(cells, where, catalogues["models"])
    data = catalogues["datasets"][cells["dataset"]]
    networks, recipe, overridden = resolve(cells, where, model, catalogues["recipes"][cells["recipe"]])
    check_row(Row(where, cells, model, data, networks, recipe, overridden))
    parts = [part for part in (cells["model"], cells["dataset"], cells["variant"]) if part]
    return [
        Run(
            name="-".join([*parts, f"s{seed}"]),
            model=cells["model"],
            title=title(model["title"], networks, overridden, recipe.epochs),
            dataset=cells["dataset"],
            variant=cells["variant"],
            seed=seed,
            task=model["task"],
            purpose=purpose,
            networks=networks,
            recipe=recipe,
            data=data,
            fidelity=fidelity(cells["dataset"], data) if generates(model) else None,
            row={column: cells[column] for column in COLUMNS if column != "seeds"},
            overridden=overridden,
        )
        for seed in parse_seeds(cells["seeds"], where)
    ]


def with_variant(cells: dict[str, str], where: str, models: dict) -> dict:
    """A model's entry with the networks of the row's variant. Raises ConfigError if the variant looks misspelt."""
    model, variant = models[cells["model"]], cells["variant"]
    added = model.get("variants", {})
    meant = difflib.get_close_matches(
        variant, {name for entry in models.values() for name in entry.get("variants", {})}
    )
    if meant and variant not in added:
        holders = [name for name, entry in models.items() if meant[0] in entry.get("variants", {})]
        raise ConfigError(
            f"{where}: variant {variant!r} would add no network to {cells['model']}, while {meant[0]!r} adds one to "
            f"{', '.join(holders)}; correct the name, or choose a different one."
        )
    return model | {"networks": model["networks"] | added.get(variant, {})}


def title(name: str, networks: dict[str, Network], overridden: dict[str, Any], epochs: int) -> str:
    """The model's title with the arguments that the row changes, and the epochs of a shortened training.

    'VGG-11 (width 0.25)', 'DCGAN (discriminator width 8)', 'LeNet-5 (10 epochs)'.
    """
    changed = [key.removeprefix("model.") for key in overridden if key.startswith("model.")]
    own = {f"{role}.{arg}": value for role, network in networks.items() for arg, value in network.args.items()}
    values = {key.rpartition(".")[2]: value for key, value in own.items() if key not in changed} | own
    words = [f"{argument.replace('_', ' ').replace('.', ' ')} {values[argument]}" for argument in changed]
    if epochs < overridden.get("epochs", epochs):
        words.append(f"{epochs} epoch{'s' if epochs != 1 else ''}")
    return f"{name} ({', '.join(words)})" if words else name


def resolve(cells: dict[str, str], where: str, model: dict, recipe: dict) -> tuple[dict[str, Network], Recipe, dict]:
    """The row's networks and recipe with its overrides applied, checked and completed; and the replaced values."""
    recipe, networks = copy.deepcopy(recipe), copy.deepcopy(model["networks"])
    overridden: dict[str, Any] = {}
    seen: set[str] = set()
    for item in cells["overrides"].split():
        key, equals, text = item.partition("=")
        if not equals:
            raise ConfigError(
                f"{where}: override {shorten(item)!r} is not of the form key=value, without spaces around the =."
            )
        if re.search(r"[,;]\w+(\.\w+)*=", text):
            raise ConfigError(f"{where}: override {shorten(item)!r}: overrides are separated by spaces.")
        if key in seen:
            raise ConfigError(f"{where}: {key} is overridden twice; keep one of the two.")
        seen.add(key)
        path, value = key.split("."), parse_value(text, f"{where}: {shorten(key)}")
        if text == "":
            raise ConfigError(f"{where}: {key}= has no value; give one (null for none), or leave it out.")
        if path[0] == "model":
            old = override_networks(networks, ".".join(path[1:]), value, where)
        elif path[0] in FIXED:
            raise ConfigError(f"{where}: {path[0]} can't be overridden; choose another recipe.")
        else:
            target = recipe
            for part in path[:-1]:
                target = target.setdefault(part, {})
                if not isinstance(target, dict):
                    raise ConfigError(f"{where}: override {item!r}: {part} has no keys of its own.")
            old, target[path[-1]] = target.get(path[-1]), value
        if old != value:
            overridden[key] = old
    if "optimizer.name" in overridden and isinstance(recipe["optimizer"], dict):
        # The new optimizer keeps only those of the recipe's settings that it has; the row's own are checked below.
        optimizer = OPTIMIZERS.get(str(recipe["optimizer"]["name"]))
        known = optimizer.keys if optimizer else recipe["optimizer"]
        own = {"name"} | {key.removeprefix("optimizer.") for key in seen}
        recipe["optimizer"] = {key: value for key, value in recipe["optimizer"].items() if key in known or key in own}
    rules = {"$defs": schema("recipes")["$defs"], "$ref": "#/$defs/recipe"}
    check(recipe, rules, f"{where} (recipe {cells['recipe']})")
    complete(recipe, rules["$defs"]["recipe"])
    complete(recipe["options"], KINDS[recipe["task"]].schema)
    kept = {k: v for k, v in recipe.items() if k not in FIXED}
    if recipe["task"] != model["task"]:
        raise ConfigError(
            f"{where}: recipe {cells['recipe']!r} is for {recipe['task']}, {cells['model']!r} for {model['task']}."
        )
    made = {role: Network(n["class"], n.get("args", {}), n.get("builder", False)) for role, n in networks.items()}
    return made, Recipe(name=cells["recipe"], **kept), overridden


def override_networks(networks: dict, argument: str, value: Any, where: str) -> Any:
    """Set a constructor argument in each network that has it, or in one, as in `discriminator.width`.

    Returns the old value in the first of them.
    """
    role, _, name = argument.rpartition(".")
    known = {key: network.get("forms", {}) | network.get("args", {}) for key, network in networks.items()}
    holders = [key for key, arguments in known.items() if role in ("", key) and name in arguments]
    if not holders:
        pairs = [(key, arg) for key, arguments in known.items() for arg in arguments]
        names = {arg for _, arg in pairs} | {f"{key}.{arg}" for key, arg in pairs}
        hint = suggest(argument, names) if names else "its entry in models.yaml has no args."
        raise ConfigError(f"{where}: the model has no argument {argument!r}; {hint}")
    old = known[holders[0]][name]
    check_argument(argument, value, old, where)
    for key in holders:
        if name in networks[key].get("args", {}) or value != known[key][name]:
            networks[key].setdefault("args", {})[name] = value
    return old


def check_argument(argument: str, value: Any, default: Any, where: str) -> None:
    """Raise ConfigError for an argument whose type differs from the catalogue's, or for a size that is not positive."""
    numbers = (int, float)
    kinds = numbers if isinstance(default, float) else type(default)
    if default is not None and (not isinstance(value, kinds) or isinstance(value, bool) != isinstance(default, bool)):
        raise ConfigError(f"{where}: model.{argument}={value} must have the type of {default!r}, the default.")
    least = 0 if argument.endswith("dropout") else None
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, numbers) and not isinstance(number, bool) and number <= 0 and number != least:
            raise ConfigError(f"{where}: model.{argument}={value}: {number} is not a size; set a number above 0.")
        if isinstance(number, numbers) and number > LARGEST:
            raise ConfigError(f"{where}: model.{argument}={value}: {number} is too large; set {LARGEST:,} or less.")


def fidelity(dataset: str, data: dict) -> dict[str, Any]:
    """How samples of a data set's generators are measured: the extractors and the reference."""
    indomain = f"{data['extractor']['model']}-{dataset}-extractor-s0" if data.get("extractor") else None
    return {"indomain": indomain, "inception": True, "reference": "test"}


def extractors(runs: list[Run], catalogues: dict, table: Path) -> list[Run]:
    """The classifiers that measure the generators among `runs`: one per data set."""
    needed = {run.dataset: run.data["extractor"] for run in runs if run.fidelity and run.fidelity["indomain"]}
    classifiers: list[Run] = []
    for dataset, entry in needed.items():
        cells = dict.fromkeys(COLUMNS, "") | entry | {"dataset": dataset, "variant": "extractor", "seeds": "0"}
        where = f"{table}, the extractor of {dataset} in datasets.yaml"
        classifiers += expand_row(cells, where, catalogues, purpose="extractor")
    return classifiers
