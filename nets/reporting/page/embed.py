"""Pictures inside the page, as data URIs: one file holds everything."""

import base64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nets.reporting.comparisons import Comparison
from nets.reporting.figures import of_comparisons, of_runs
from nets.reporting.figures.figure import SECTIONS, TYPES
from nets.reporting.results import Result


@dataclass(frozen=True)
class Picture:
    """A picture of a page; `kind` is its class in the style sheet."""

    source: str
    alt: str
    caption: str
    kind: str


def data_uri(path: Path) -> str:
    """A file as a data URI; SVG as text, which is shorter than base64."""
    if path.suffix == ".svg":
        text = quote(path.read_text(encoding="utf-8"), safe=" =:/,;()'-._~!*@$+?[]{}|^`")
        return f"data:{TYPES[path.suffix]},{text}"
    return f"data:{TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def run_pictures(result: Result, first: bool) -> list[Picture]:
    """The figures drawn for a result, in the order of the list; `first`: its model is the first of the table."""
    inputs = "images" if result.task == "reconstruction" else "latents"
    pictures = []
    for figure in of_runs.FIGURES:
        path = result.folder / "figures" / figure.file
        shown = (figure.of_samples or not result.samples_only) and (first or not figure.of_first)
        if shown and path.exists():
            title = f"{path.stem.capitalize()} of {result.label} on {result.run.dataset}, seed {result.run.seed}"
            caption = figure.caption.replace("{inputs}", inputs)
            pictures.append(Picture(data_uri(path), title, caption, path.stem))
    return pictures


def comparison_pictures(comparison: Comparison, folder: Path) -> dict[str, list[Picture]]:
    """The figures drawn for a comparison, by section of the page."""
    pictures: dict[str, list[Picture]] = {section: [] for section in SECTIONS}
    headline = comparison.table.headline
    for figure in of_comparisons.FIGURES:
        path = of_comparisons.path_of(figure, comparison, folder)
        if path.exists():
            caption = figure.caption
            if figure.stretched and headline and headline.unit == "%":
                caption += " The scale widens towards 100 %."
            title = figure.title.format(task=comparison.task, dataset=comparison.dataset)
            pictures[figure.section].append(Picture(data_uri(path), title, caption, figure.section))
    return pictures
