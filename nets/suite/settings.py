"""The settings in Snakemake's `--config`: which table to run, and how its jobs compute."""

import os
import re
import shlex
from pathlib import Path
from typing import Any

from nets.errors import ConfigError, shorten, suggest
from nets.suite.catalogues import ROOT

JOB_SETTINGS = {"slots_per_gpu": "NETS_SLOTS_PER_GPU", "time_limit": "NETS_TIME_LIMIT"}  # how, not what, is computed
SETTINGS = ("suite", "table", "threads", "test_every_epoch", *JOB_SETTINGS)
MOST_THREADS = 1024
RESERVED = ("data", "weights", "features")


def find_table(settings: dict[str, Any]) -> Path:
    """The table that `--config` names: `table=FILE`, or `suite=NAME` for a table in the project's `config/`."""
    for key in settings:
        if key not in SETTINGS:
            raise ConfigError(f"--config {key}=…: unknown setting {key!r}; {suggest(key, SETTINGS)}")
    for key in ("table", "suite"):
        if key in settings and settings[key] in ("", None):
            raise ConfigError(f"--config {key}= is empty; name a {key}, or leave it out.")
        if not isinstance(settings.get(key, ""), str):
            raise ConfigError(f"--config {key}={shorten(str(settings[key]))}: this is not text; quote the name.")
    if "table" in settings and "suite" in settings:
        raise ConfigError("--config: table and suite exclude each other; leave one out.")
    suites = [path.stem for path in (ROOT / "config").glob("*.tsv")]
    if "suite" in settings and settings["suite"] not in suites:
        raise ConfigError(
            f"--config suite={settings['suite']}: unknown suite; {suggest(str(settings['suite']), suites)}"
        )
    table = Path(settings.get("table") or ROOT / f"config/{settings.get('suite', 'quick')}.tsv")
    table = Path(os.path.relpath(table))  # one name for one file, however it was typed
    if not re.fullmatch(r"(?!\.)[\w.]+", table.stem):
        raise ConfigError(f"{table}: the table's name becomes a folder's name; use only letters, digits, '_' and '.'.")
    if table.stem in RESERVED:
        raise ConfigError(f"{table}: results/{table.stem}/ holds files that suites share; give the table another name.")
    return table


def job_environment(settings: dict[str, Any], table: Path) -> dict[str, str]:
    """The environment of the jobs: settings on which no result depends. Raises ConfigError."""
    given = {key: settings[key] for key in JOB_SETTINGS if settings.get(key) is not None}
    for key, value in given.items():
        whole = key == "slots_per_gpu"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 < value < 1e9:
            raise ConfigError(f"--config {key}={shorten(str(value))}: set a {'whole ' * whole}number above 0.")
    if not isinstance(each := settings.get("test_every_epoch", False), bool):
        raise ConfigError(f"--config test_every_epoch={shorten(str(each))}: set it to true or false.")
    threads = settings.get("threads", 1)
    if not isinstance(threads, int) or isinstance(threads, bool) or not 0 < threads <= MOST_THREADS:
        raise ConfigError(f"--config threads={shorten(str(threads))}: set a whole number from 1 to {MOST_THREADS}.")
    name = f"TABLE={shlex.quote(str(table))}" if settings.get("table") else f"SUITE={table.stem}"
    environment = {"NETS_RETRY": f"make run RETRY=1 {name}", "NETS_CATALOGUES": str(table.parent)}
    return environment | {JOB_SETTINGS[key]: str(value) for key, value in given.items()}
