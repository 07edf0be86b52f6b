"""Runs of a model to check it with before it trains: those of its rows in a table, or on data sets that it fits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nets.errors import ConfigError, suggest
from nets.run import Run
from nets.suite.catalogues import ROOT, load_catalogues
from nets.suite.expansion import expand_row
from nets.suite.table import COLUMNS, read_table

DATASETS = ("mnist5k", "cifar10", "polynomials", "digit_scenes", "oxford_pet")  # of which the shapes are tried


def examples(model: str, overrides: str, table: Path | None = None) -> list[Run]:
    """Runs of a model, of seed 0, as they are on their own: what they would start from is left out.

    They are those of the model's rows in the table; if it has none, or none is given, the model on each of a few data
    sets that it fits. `overrides` are added. Raises ConfigError if it fits none.
    """
    known = load_catalogues(table.parent if table else ROOT / "config")
    if model not in known["models"]:
        raise ConfigError(f"MODEL={model}: unknown model; {suggest(model, known['models'])}")
    runs: list[Run] = []
    problems: list[ConfigError] = []
    for where, cells in [*rows_of(model, table)] or made_up(model, known):
        try:
            row = cells | {"seeds": "0", "overrides": with_others(cells["overrides"], overrides)}
            runs += [Run.from_json(run.to_json()) for run in expand_row(row, where, known)]  # as jobs read them
        except ConfigError as problem:
            problems.append(problem)
    if not runs:
        raise problems[0]
    return runs


def rows_of(model: str, table: Path | None) -> Iterator[tuple[str, dict[str, str]]]:
    """The place and the cells of each row of a model in a table."""
    for line, cells in read_table(table) if table and table.exists() else ():
        if cells["model"] == model:
            yield f"{table}, line {line}", cells


def made_up(model: str, known: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """A row of the model for each data set, with a recipe for models of its kind, of its own name if there is one."""
    recipes = [name for name, recipe in known["recipes"].items() if suits(recipe, known["models"][model])]
    if not recipes:
        raise ConfigError(f"MODEL={model}: no recipe is for such a model; add one to recipes.yaml.")
    recipe = min(recipes, key=lambda name: (name != model, name not in model))
    cells = dict.fromkeys(COLUMNS, "") | {"model": model, "recipe": recipe, "overrides": "augment.flip=false"}
    return [(f"MODEL={model}", cells | {"dataset": dataset}) for dataset in DATASETS]


def suits(recipe: dict[str, Any], model: dict[str, Any]) -> bool:
    """Whether a recipe is for models of this kind: fitted ones, VAEs (whose loss is a sum over pixels), others."""
    options = recipe.get("options", {})
    variational = model["task"] == "reconstruction" and model.get("generates", False)
    of_its_kind = options.get("fitted", False) == model.get("fitted", False)
    return recipe["task"] == model["task"] and of_its_kind and (options.get("reduction") == "sum") == variational


def with_others(overrides: str, others: str) -> str:
    """A row's overrides with others, which replace those of the same key."""
    by_key = {each.partition("=")[0]: each for each in (*overrides.split(), *others.split())}
    return " ".join(by_key.values())
