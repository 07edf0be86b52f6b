"""What a page of the report is, and what all pages are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nets.reporting.comparisons import Comparison
from nets.reporting.results import Result
from nets.reporting.tables.table import Table

ENTRY = "report.html"  # the page that stands beside the folder of the others
CONFIG = Path(__file__).parents[3] / "config"


@dataclass(frozen=True)
class Suite:
    """A suite's folder, its results, and what `compare` wrote: comparisons, tables over data sets, findings, facts.

    `findings` is the content of `tables/findings.json`, `facts` that of `tables/overview.json` (docs/files.md).
    `shown` is how a page in the report's folder reaches the suite's folder: "..", or another relative path.
    """

    folder: Path
    results: list[Result]
    comparisons: list[Comparison]
    across: list[Table]
    findings: dict[str, Any]
    facts: dict[str, Any]
    shown: str = ".."

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.folder.resolve().name

    @property
    def command(self) -> str:
        """What a person types to run the suite; its table may lie anywhere, but in the checkout's config/."""
        return (
            f"make run SUITE={self.name}"
            if (CONFIG / f"{self.name}.tsv").exists()
            else f"make run TABLE={self.name}.tsv"
        )

    @cached_property
    def models(self) -> dict[str, list[Result]]:
        """The results of each model, in the suite's order; extractors included."""
        models: dict[str, list[Result]] = {}
        for result in self.results:
            models.setdefault(result.run.model, []).append(result)
        return models


@dataclass(frozen=True)
class Page:
    """A page: its file, its title, its template, and what fills that. `group`: where the contents of all pages list it.

    `count` stands behind its title there.
    """

    file: str
    title: str
    template: str
    content: Callable[[], dict[str, Any]]
    group: str = ""
    count: int = 0
