"""The pages made from the record: `docs/results.md`, and the results in the README. No number is typed in them."""

import re
import textwrap
from pathlib import Path
from typing import Any

import jinja2

from nets.errors import UserError
from nets.metrics.metric import Tolerance, all_metrics
from nets.record.entries import read_record
from nets.record.recorded import RECORD
from nets.record.tables import Shown, Suite
from nets.reporting.tables import formats
from nets.reporting.tables.literature import Values
from nets.reporting.tables.table import Row
from nets.suite.catalogues import ROOT
from nets.suite.published import load_published
from nets.suite.starts import row_name

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 120
FIRST = ("quick", "cpu")  # suites; others follow by name
BETWEEN = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.S)
KEEP: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


class Record:
    """All that templates may name: suites, tables, and single values."""

    def __init__(self, folder: Path, published: Values):
        found = read_record(folder)
        order = sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
        self.suites = [Suite(name, found[name], published) for name in order]

    def tables(self, suite: Suite) -> list[Shown]:
        """The tables of a suite as the page shows them."""
        return [Shown(comparison, suite) for comparison in suite.comparisons]

    def row(self, name: str) -> tuple[Shown, Row] | None:
        """The row of a network, '<suite>/<model>-<dataset>[-<variant>]'; None if the record has none."""
        for suite in self.suites:
            for shown in self.tables(suite):
                for row in shown.comparison.table.rows:
                    if name == f"{suite.name}/{row_name(row.results[0].run)}":
                        return shown, row
        return None

    def value(self, name: str) -> str:
        """The headline of a row in words: '97.80 ± 0.99 % (3 seeds)'. Raises UserError if there is no such row."""
        if (found := self.row(name)) is None or not (head := found[0].comparison.table.headline):
            raise UserError(f"The record has no {name}, which a page names; publish it, or take the sentence away.")
        row = found[1]
        count = formats.seeds(row)
        return f"{formats.text(row.cells[head.key])} {head.unit}".strip() + f" ({count} seed{'s' * (count != '1')})"

    @property
    def tolerances(self) -> list[str]:
        """Rows of Markdown: how far two measurements of each metric may be apart, and why."""
        groups: dict[Tolerance, list[str]] = {}
        for metric in all_metrics().values():
            groups.setdefault(metric.allowed, []).append(metric.label)
        rows = []
        for allowed, labels in groups.items():
            limits = (allowed.evaluated, allowed.trained)
            words = [f"{100 * limit:g} % of it" if allowed.relative else f"{limit:g}" for limit in limits]
            rows.append(formats.markdown_line(["; ".join(dict.fromkeys(labels)), *words, allowed.reason]))
        return rows

    def beside(self, name: str) -> tuple[str, str]:
        """The published value for a row and its source, and the verdict; empty if there is none."""
        return found[0].literature(found[1]) if (found := self.row(name)) else ("", "")


def pages(folder: Path = RECORD, root: Path = ROOT) -> dict[str, str]:
    """The text of each page by its path below `root`. Raises UserError."""
    record = Record(folder, load_published(ROOT / "config/published.csv"))
    readme = (root / "README.md").read_text(encoding="utf-8")
    if not BETWEEN.search(readme):
        raise UserError("README.md: the lines <!-- results --> and <!-- end of results --> are missing; restore them.")
    results = render("readme.md.j2", record)
    return {
        "docs/results.md": render("results.md.j2", record),
        "README.md": BETWEEN.sub(lambda _: results, readme),
    }


def render(name: str, record: Record) -> str:
    """A page from its template. Paragraphs are wrapped; a template may name only what exists."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(name).render(record=record, line=formats.markdown_line)
    blocks = [block.strip("\n") for block in re.split(r"\n{2,}", text) if block.strip()]
    return "\n\n".join(map(wrapped, blocks)) + "\n"


def wrapped(block: str) -> str:
    """A block of Markdown with lines of up to 120 characters; headings, tables and code stay as they are."""
    if block.startswith(("#", "|", "    ", "<", "!")):
        return block
    if block.startswith("- "):
        items = re.split(r"\n(?=- )", block)
        return "\n".join(textwrap.fill(item, WIDTH, subsequent_indent="  ", **KEEP) for item in items)
    return textwrap.fill(block, WIDTH, **KEEP)
