"""Runs of a model without a table: on small data sets that it fits, to check it before it trains."""

from pathlib import Path

from nets.errors import ConfigError, suggest
from nets.run import Run
from nets.suite.catalogues import load_catalogues
from nets.suite.expansion import expand_row
from nets.suite.table import COLUMNS

DATASETS = ("mnist5k", "cifar10", "polynomials", "digit_scenes")  # of which the shapes are tried


def examples(model: str, overrides: str, catalogues: Path) -> list[Run]:
    """Runs of a model on up to two data sets that it fits. Raises ConfigError if it fits none."""
    known = load_catalogues(catalogues)
    if model not in known["models"]:
        raise ConfigError(f"MODEL={model}: unknown model; {suggest(model, known['models'])}")
    task, fitted = known["models"][model]["task"], known["models"][model].get("fitted", False)
    recipes = [
        name
        for name, recipe in known["recipes"].items()
        if recipe["task"] == task and recipe.get("options", {}).get("fitted", False) == fitted
    ]
    if not recipes:
        raise ConfigError(f"MODEL={model}: no recipe is for {task}; add one to recipes.yaml.")
    cells = dict.fromkeys(COLUMNS, "") | {"model": model, "recipe": recipes[0], "seeds": "0"}
    runs: list[Run] = []
    problems: list[ConfigError] = []
    for dataset in DATASETS:
        row = cells | {"dataset": dataset, "overrides": f"augment.flip=false {overrides}"}
        try:
            runs += expand_row(row, f"MODEL={model}", known)
        except ConfigError as problem:
            problems.append(problem)
    if not runs:
        raise problems[0]
    return runs[:2]
