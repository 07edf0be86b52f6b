"""A network or a data set of the user's own, beside the user's table: its file, its entry, a row and a test.

All is checked before anything is written, and nothing is overwritten: entries and rows are appended.
"""

import importlib.util
import keyword
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nets.errors import ConfigError, suggest
from nets.files import atomic, read_text
from nets.suite.catalogues import ROOT, check_catalogue, load_catalogue, load_catalogues
from nets.suite.expansion import expand_row
from nets.suite.settings import find_table
from nets.suite.table import COLUMNS, read_table

TEMPLATES = Path(__file__).parent / "templates"
TABLE = Path("my/my.tsv")  # where no other is named
CATALOGUE_HEAD = "# Your own {what}; they are added to those of config/{what}.yaml.\n"


@dataclass(frozen=True)
class Beginning:
    """How a new network of a task begins: the role, the arguments that rows may change, a data set and a recipe."""

    role: str
    args: dict[str, int]
    dataset: str
    recipe: str
    overrides: str


BEGINNINGS = {
    "classification": Beginning("classifier", {"width": 32}, "mnist5k", "cnn", "epochs=20 batch_size=32"),
    "segmentation": Beginning("segmenter", {"width": 32}, "digit_scenes", "unet_small", "epochs=4"),
    "reconstruction": Beginning("autoencoder", {"width": 256, "latent_dim": 16}, "mnist5k", "autoencoder", "epochs=6"),
}
BASELINES = {  # what is trained first on a new data set, by what it has
    "labels": ("resnet18", "short", "model.width=0.25 epochs=10 batch_size=32"),
    "masks": ("unet", "unet_small", "model.width=16 epochs=6"),
    "images": ("conv_autoencoder", "conv_autoencoder", "epochs=6"),
}


@dataclass(frozen=True)
class Addition:
    """What is to be written: new files with their texts, and what is appended to files."""

    files: dict[Path, str]
    appended: dict[Path, str]

    def write(self) -> list[Path]:
        """Write everything; returns the paths. Raises ConfigError if a file is there already."""
        for path in self.files:
            if path.exists():
                raise ConfigError(f"{path} is there already, and nothing is overwritten; choose another name.")
        texts = self.files | {path: earlier(path) + text for path, text in self.appended.items()}
        for path, text in texts.items():
            with atomic(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        load_catalogue.cache_clear()
        return list(texts)


def new_model(table: Path, name: str, task: str, dataset: str | None) -> Addition:
    """A network that trains at once: a file, an entry of models.yaml, a row, a test. Raises ConfigError."""
    if task not in BEGINNINGS:
        raise ConfigError(f"TASK={task}: no network begins like that; {suggest(task, BEGINNINGS)}")
    begin, folder = BEGINNINGS[task], table.parent
    check_new(table, name, "models")
    title = name.replace("_", " ").capitalize()
    short = "".join(part.capitalize() for part in name.split("_"))
    network = {"class": f"{module_of(folder, name)}.{short}", "args": begin.args}
    entry = {"title": title, "task": task, "citation": "none: my own", "networks": {begin.role: network}}
    row = (name, dataset or begin.dataset, "", begin.recipe, "0-2", begin.overrides)
    check_row(table, row, {"models": {name: entry}})
    command = f"make check MODEL={name} TABLE={brief(table)}"
    code = (TEMPLATES / f"{task}.txt").read_text(encoding="utf-8")
    for word, value in (("TITLE", title), ("CLASS", short), ("COMMAND", command)):
        code = code.replace(word, value)
    test = TEST_OF_MODEL.replace("NAME", name).replace("TABLE", table.name).replace("PATH", brief(folder))
    appended = {folder / "models.yaml": entry_text(folder / "models.yaml", name, entry), table: row_text(table, row)}
    return Addition({folder / f"{name}.py": code, folder / f"test_{name}.py": test}, appended)


def new_dataset(table: Path, name: str, entry: dict[str, Any]) -> Addition:
    """A data set and a first network for it: an entry of datasets.yaml, a row, a test. Raises ConfigError."""
    folder = table.parent
    check_new(table, name, "datasets")
    model, recipe, overrides = BASELINES["masks" if "masks" in entry else "labels" if entry["classes"] else "images"]
    row = (model, name, "", recipe, "0-2", overrides)
    check_row(table, row, {"datasets": {name: entry}})
    test = TEST_OF_DATASET.replace("NAME", name).replace("PATH", brief(folder))
    path = folder / "datasets.yaml"
    appended = {path: entry_text(path, name, entry), table: row_text(table, row)}
    return Addition({folder / f"test_{name}.py": test}, appended)


def check_new(table: Path, name: str, what: str) -> None:
    """Raise ConfigError unless a name can be that of a module, a catalogue's entry and a row, and is new."""
    find_table({"table": str(table)})
    if table.parent.resolve() == (ROOT / "config").resolve():
        raise ConfigError(f"{table} is the project's; name a table of your own, such as TABLE={TABLE}.")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or keyword.iskeyword(name):
        raise ConfigError(f"NAME={name}: write a word of small letters, digits and '_', such as my_net.")
    if name in load_catalogues(table.parent)[what]:
        raise ConfigError(f"NAME={name}: {what}.yaml has it already; choose another name.")


def check_row(table: Path, row: tuple[str, ...], new: Mapping[str, dict[str, Any]]) -> None:
    """Raise ConfigError if the entry or the row would be refused, or if the table has such a row."""
    catalogues = load_catalogues(table.parent)
    for what, entries in new.items():
        catalogues[what] |= check_catalogue(yaml.safe_load(yaml.safe_dump(entries)), what, f"{what}.yaml")
    expand_row(dict(zip(COLUMNS, row, strict=True)), f"the new row of {table}", catalogues)
    for line, cells in read_table(table) if table.exists() else ():
        if tuple(cells[column] for column in COLUMNS[:3]) == row[:3]:
            raise ConfigError(f"{table}, line {line}: {row[0]} on {row[1]} is there already; choose another name.")


def module_of(folder: Path, name: str) -> str:
    """The import path of a module in a folder: below a folder of PYTHONPATH, or below this checkout."""
    bases = [Path(base) for base in os.environ.get("PYTHONPATH", "").split(os.pathsep) if base]
    for base in (*bases, ROOT):
        parts = (*inner.parts, name) if (inner := relative(folder, base)) is not None else ()
        if parts and all(part.isidentifier() for part in parts):
            top = importlib.util.find_spec(parts[0])
            if top and (top.origin or len(parts) == 1):
                raise ConfigError(
                    f"Python has a module {parts[0]!r} already; choose another name than {folder / name}."
                )
            return ".".join(parts)
    raise ConfigError(f"Python finds no module in {folder}; export PYTHONPATH={folder.absolute()} first.")


def brief(path: Path) -> str:
    """A path in a comment: its name, if it is long."""
    return str(path) if len(str(path)) < 40 else path.name


def relative(folder: Path, base: Path) -> Path | None:
    """A folder's path below another; None if it is elsewhere."""
    try:
        return folder.resolve().relative_to(base.resolve())
    except ValueError:
        return None


def earlier(path: Path) -> str:
    """The text of a file, with an end of line; empty if there is none."""
    text = read_text(path, "file") if path.exists() else ""
    return text if not text or text.endswith("\n") else text + "\n"


def entry_text(path: Path, name: str, entry: dict[str, Any]) -> str:
    """An entry as YAML, to be appended to a catalogue: short lists and mappings on one line."""
    head = "" if path.exists() else CATALOGUE_HEAD.format(what=path.stem)
    lines = [f"\n{name}:"]
    for key, value in entry.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"  {key}:", *(f"    - {inline(each)}" for each in value)]
        elif key == "networks":
            lines += [f"  {key}:", *(f"    {role}: {inline(network)}" for role, network in value.items())]
        else:
            lines.append(f"  {key}: {inline(value)}")
    return head + "\n".join(lines) + "\n"


def inline(value: Any) -> str:
    """A value in YAML's one-line style."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
        .removesuffix("...\n")
        .strip()
    )


def row_text(table: Path, row: tuple[str, ...]) -> str:
    """A row, to be appended to a table."""
    columns: tuple[str, ...] = COLUMNS
    if table.exists():
        header = next(line for line in read_text(table, "table").splitlines() if line.strip() and line[0] != "#")
        columns = tuple(name.strip() for name in header.split("\t"))
    cells = dict(zip(COLUMNS, row, strict=True))
    missing = [name for name in COLUMNS if name not in columns and cells[name]]
    if missing:
        raise ConfigError(f"{table} has no column {missing[0]!r}, which the new row needs; add it.")
    line = "\t".join(cells[name] for name in columns) + "\n"
    return line if table.exists() else "\t".join(COLUMNS) + "\n" + line


TEST_OF_MODEL = '''"""`.venv/bin/python -m pytest -n0 PATH` tries what training asks of your networks and data."""

from pathlib import Path

from nets.jobs import check


def test_the_network_keeps_its_contract(capsys):
    status = check.main(["--model", "NAME", "--table", str(Path(__file__).with_name("TABLE"))])
    assert status == 0, capsys.readouterr()
'''
TEST_OF_DATASET = '''"""`.venv/bin/python -m pytest -n0 PATH` tries what training asks of your networks and data."""

from pathlib import Path

from nets.data.preparation import prepare
from nets.suite.catalogues import load_catalogues


def test_the_images_can_be_prepared(tmp_path):
    entry = load_catalogues(Path(__file__).parent)["datasets"]["NAME"]
    info = prepare("NAME", entry, tmp_path)
    assert info["status"] == "ok", info["reason"]
    assert min(info["counts"].values()) > 0
'''
