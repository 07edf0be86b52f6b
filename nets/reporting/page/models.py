"""The page of a model: its networks, what the paper's differ in, and its results everywhere."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from nets.reporting import glossary
from nets.reporting.page.addresses import comparison_file, model_file, row_of
from nets.reporting.page.overview import headline_text
from nets.reporting.page.page import Page, Suite
from nets.reporting.page.pictures import Picture, Pictures
from nets.reporting.results import Result
from nets.reporting.tables.best import KEY, standing
from nets.reporting.tables.table import Row, Table
from nets.run import Network

CODE = re.compile("`+([^`]+)`+")
ROOM = "nets.models."  # networks of other packages are not read: their source is theirs


class Standing(NamedTuple):
    """A row of a comparison's table that belongs to the model: where it is, its headline, and how it stands there."""

    file: str
    task: str
    dataset: str
    row: Row
    name: str
    value: str
    place: int | None
    of: int
    group: str


def pages(suite: Suite, pictures: Pictures) -> Iterator[Page]:
    """A list of the models, and a page for each."""
    yield Page("models.html", "Models", "models.html.j2", lambda: listing(suite), "This suite", len(suite.models))
    for model, results in suite.models.items():
        title = results[0].run.title.split(" (")[0]
        yield Page(
            model_file(model),
            title,
            "model.html.j2",
            lambda model=model, results=results, title=title: {  # type: ignore[misc]
                "title": title,
                "model": model,
                "networks": networks(results),
                "standings": list(standings(suite, model)),
                "runs": results,
                "shown": shown(results, pictures),
            },
        )


def listing(suite: Suite) -> dict[str, Any]:
    """What fills the list of models: for each its name, its rows and its tasks."""
    return {
        "models": [
            {
                "model": model,
                "title": results[0].run.title.split(" (")[0],
                "tasks": dict.fromkeys(glossary.task_title(result.task) for result in results),
                "datasets": dict.fromkeys(result.dataset_title for result in results),
                "runs": len(results),
                "holes": sum(not result.ok for result in results),
            }
            for model, results in suite.models.items()
        ]
    }


def networks(results: list[Result]) -> list[dict[str, Any]]:
    """The networks of a model's first run, with the words of their source: the paper, and what differs from it."""
    run = results[0].run
    return [
        {
            "role": role,
            "path": network.path,
            "args": network.args,
            "parameters": (results[0].manifest.get("parameters") or {}).get(role),
            "macs": (results[0].manifest.get("macs") or {}).get(role),
            "words": words(network),
            "layers": results[0].layers.get(role, []),
            "stages": stages(results[0].layers.get(role, [])),
            "input": max(run.input_shape[1:]),
        }
        for role, network in run.networks.items()
    ]


class Stage(NamedTuple):
    """Layers that follow each other and whose maps have one size: a box of the diagram. `tall`: its height in 0..1."""

    size: str
    tall: float
    layers: str
    parameters: str


def stages(layers: list[dict[str, Any]]) -> list[Stage]:
    """The diagram of a network: its layers, grouped by the size of their maps."""
    groups: list[list[dict[str, Any]]] = []
    for layer in layers:
        if groups and groups[-1][0]["shape"][1:] == layer["shape"][1:]:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    largest = max((max(group[0]["shape"][1:], default=1) for group in groups), default=1)
    return [
        Stage(
            " × ".join(map(str, (*group[0]["shape"][1:], group[-1]["shape"][0]))),
            (max(group[0]["shape"][1:], default=1) / largest) ** 0.5,
            ", ".join(f"{count} {kind}" for kind, count in Counter(layer["kind"] for layer in group).items()),
            glossary.count(sum(layer["parameters"] for layer in group)),
        )
        for group in groups
    ]


class Words(NamedTuple):
    """A paragraph of a network's source; `drawn` if its lines are a drawing or a table."""

    text: Markup
    drawn: bool


def words(network: Network) -> list[Words]:
    """The paragraphs that the source of a network of ours begins with; none for others. Nothing is imported."""
    if not network.path.startswith(ROOM):
        return []
    path = Path(__file__).parents[2].joinpath(*network.module.split(".")[1:]).with_suffix(".py")
    if not path.is_file():
        return []
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return [paragraph(part) for part in text.split("\n\n")]


def paragraph(text: str) -> Words:
    """A paragraph as HTML, with `code` as such."""
    drawn = all(line.startswith("  ") for line in text.splitlines())
    plain = escape(text.strip("\n") if drawn else " ".join(text.split()))
    return Words(Markup(CODE.sub(r"<code>\1</code>", str(plain))), drawn)


def standings(suite: Suite, model: str) -> Iterator[Standing]:
    """The model's rows in all comparisons."""
    for comparison in suite.comparisons:
        table = comparison.table
        for row in table.rows:
            if row.results[0].run.model == model:
                place = table.ranked.index(row) + 1 if row in table.ranked else None
                yield Standing(
                    comparison_file(table.name),
                    glossary.task_title(comparison.task),
                    comparison.results[0].dataset_title,
                    row,
                    row.name,
                    headline_text(table, row),
                    place,
                    len(table.ranked),
                    against_best(table, row),
                )


def against_best(table: Table, row: Row) -> str:
    """How a row stands to the one with the best mean, in words."""
    if not (KEY in row.cells and row.cells[KEY].raw):
        return "no test" if len(table.ranked) > 1 else ""
    group = {"best": "best mean", "not told apart": "not told from the best"}
    return group.get(standing(row), standing(row).replace("told apart", "told from the best"))


def shown(results: list[Result], pictures: Pictures) -> list[tuple[Result, list[Picture], Any]]:
    """The pictures of the first seed of each row that has any, and its frames."""
    found: dict[str, tuple[Result, list[Picture], Any]] = {}
    for result in results:
        row = row_of(result)
        if result.ok and row not in found and result.run.purpose == "benchmark":
            entry = (result, pictures.of_run(result), pictures.frames(result))
            if entry[1] or entry[2]:
                found[row] = entry
    return list(found.values())
