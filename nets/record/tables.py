"""Suites of the record and their tables, as pages show them.

Tables, tests and published values come from the same code as a suite's report (`nets.reporting.tables`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nets.record.agreement import apart, headlines, same_data
from nets.record.recorded import Recorded, missing, result_of
from nets.reporting import glossary
from nets.reporting.comparisons import Comparison, compare
from nets.reporting.measures import Measure
from nets.reporting.tables import formats
from nets.reporting.tables.best import APART, KEY, TOGETHER, UNTESTED, standing
from nets.reporting.tables.comparison import machine
from nets.reporting.tables.literature import Values, holders, values_beside
from nets.reporting.tables.rows import FEW_SEEDS
from nets.reporting.tables.table import ABSENT, Column, Row
from nets.reporting.tables.verdicts import verdict
from nets.tasks.kinds import KINDS

SHOWN = {  # by task: the metrics of a table besides its headline
    "classification": ("top1_best", "top1", "nll_best"),
    "reconstruction": ("ssim", "knn_top1", "nll_binarised_is5000"),
    "segmentation": ("boundary_f1",),
    "generation": ("precision_indomain", "recall_indomain", "sample_macs"),
}
COSTS = ("parameters", "seconds")
MARK = "‡"  # behind a number that another measurement contradicts


@dataclass
class Suite:
    """The recorded runs of one suite."""

    name: str
    entries: list[dict[str, Any]]
    published: Values

    @cached_property
    def results(self) -> list[Recorded]:
        """The first measurement of each run."""
        return [result_of(entry) for entry in self.entries]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Its tables, by task and data set."""
        families = list(dict.fromkeys(kind.family.name for kind in KINDS.values()))
        found = compare([*self.results, *missing(self.entries)], self.published)
        return sorted(found, key=lambda each: (families.index(each.task), each.dataset))

    @property
    def command(self) -> str:
        """What repeats it."""
        return self.entries[0]["command"]

    @property
    def facts(self) -> dict[str, str]:
        """Where its runs were measured, and with what: values, joined where runs differ."""
        manifests = [result.manifest for result in self.results]
        return {
            "machines": joined(map(machine, self.results), "; "),
            "revisions": joined(revision(manifest) for manifest in manifests),
            "torch": joined(manifest["packages"]["torch"] for manifest in manifests),
            "days": joined(sorted(manifest["started"][:10] for manifest in manifests)),
            "seconds": glossary.duration(sum(manifest["seconds"] for manifest in manifests)),
        }

    @property
    def repeated(self) -> str:
        """How many runs have more than one measurement, and how many of these agree; empty if none has."""
        names = [entry["run"] for entry in self.entries if len(entry["measurements"]) > 1]
        agree = sum(name not in self.contradicted for name in names)
        if not names:
            return ""
        runs = "1 run was" if len(names) == 1 else f"{len(names)} runs were"
        counts = f"{agree} within the tolerance, {len(names) - agree} not"
        return f" {runs} also measured in another way or elsewhere: {counts}."

    @cached_property
    def contradicted(self) -> dict[str, list[str]]:
        """By run: each measurement that differs from the first by more than its tolerance, in words."""
        found: dict[str, list[str]] = {}
        for entry, first in zip(self.entries, self.results, strict=True):
            for at in range(1, len(entry["measurements"])):
                other = result_of(entry, at)
                for measure in apart(headlines(first), headlines(other, like=first), trained=True):
                    found.setdefault(first.name, []).append(contradiction(first, other, measure))
        return found


def joined(words: Iterable[str], by: str = ", ") -> str:
    """Different words, once each: 'A, B'."""
    return by.join(dict.fromkeys(words))


def revision(manifest: Mapping[str, Any]) -> str:
    """The revision of a measurement, short; whether files had been changed."""
    known = manifest["revision"]
    return "unknown" if known is None else known[:7] + (" with changed files" if known.endswith("+") else "")


def contradiction(first: Recorded, other: Recorded, measure: Measure) -> str:
    """Two values that disagree, where each was measured, and how far they may be apart."""
    metric = glossary.describe(measure.metric)
    texts = []
    for result in (first, other):
        value = headlines(result, like=first).get(measure)
        number = "no value" if value is None else glossary.number(value, metric.decimals)
        texts.append(f"{number} ({machine(result)}, revision {revision(result.manifest)})")
    data = "" if same_data(first.manifest, other.manifest) else ", trained on other images"
    limit = metric.allowed
    allowed = (
        f"{100 * limit.trained:g} %" if limit.relative else f"{limit.trained:g} {metric.unit}".replace("%", "point")
    )
    run = f"{first.label}, seed {first.run.seed}"
    return f"{run}: {metric.label} {texts[0]}, and {texts[1]}{data}; tolerance {allowed.strip()}."


@dataclass
class Shown:
    """A comparison as the page shows it: some columns, and the notes that a reader of the page needs."""

    comparison: Comparison
    suite: Suite

    @property
    def title(self) -> str:
        """Data set and task."""
        task, _, dataset = self.comparison.table.title.partition(" on ")
        return f"{dataset}: {task.lower()}"

    @property
    def columns(self) -> list[Column]:
        """The headline and its tests, some metrics, and the costs."""
        named = (KEY, *SHOWN.get(self.comparison.task, ()), *COSTS)
        first = self.comparison.table.headline

        def shown(column: Column) -> bool:
            same = first is not None and column.metric == first.metric
            return same or column.metric in named or column.key in named

        def order(column: Column) -> int:
            return next((named.index(name) for name in (column.metric, column.key) if name in named), -1)

        return sorted(filter(shown, self.comparison.table.columns), key=lambda c: (not c.headline, order(c)))

    @property
    def headings(self) -> list[str]:
        """The columns in words. Those of one metric under several passports, which do not compare, have its digest."""
        words = [formats.heading(column) for column in self.columns]
        return [
            word if words.count(word) == 1 else f"{word}, passport {column.passport}"
            for word, column in zip(words, self.columns, strict=True)
        ]

    def literature(self, row: Row) -> tuple[str, str]:
        """The published value for a row's headline and the verdict; empty if there is none.

        A headline with a passport has none: published numbers have another, or none.
        """
        head = self.comparison.table.headline
        return self.compared(row, head) if head else ("", "")

    def compared(self, row: Row, column: Column, holds: bool = True) -> tuple[str, str]:
        """The published value for a row's number in a column and the verdict; empty if there is none."""
        if column.passport or not (values := values_beside(row, column, self.suite.published, holds)):
            return "", ""
        return f"{glossary.number(values[0].value, column.decimals)} ({values[0].source})", verdict(row, column, values)

    def lines(self) -> Iterator[str]:
        """The table in Markdown."""
        table = self.comparison.table
        beside = [self.literature(row) for row in table.rows]
        words = ["Published", "Verdict"] if any(value for value, _ in beside) else []
        first, *rest = self.headings
        yield formats.markdown_line(["Network", first, *words, *rest, "seeds"])
        yield f"|---|---:|{'---|' * len(words)}{'---:|' * len(rest)}---:|"
        for row, published in zip(table.rows, beside, strict=True):
            number, *others = self.cells(row)
            mark = MARK if any(result.name in self.suite.contradicted for result in row.results) else ""
            cells = [row.label, number + mark, *((text or ABSENT for text in published) if words else ()), *others]
            yield formats.markdown_line([*cells, formats.seeds(row)])
        for row in table.scale:
            number, *others = self.cells(row)
            yield formats.markdown_line([f"*{row.label}*", number, *[ABSENT] * len(words), *others, ""])

    @property
    def others(self) -> list[str]:
        """A table in Markdown: published values of other metrics than the headline, beside ours; empty without one."""
        table, lines = self.comparison.table, []
        for row in table.rows:
            for column, holds in zip(table.columns, holders(table.columns), strict=True):
                published = () if column.headline or not column.metric else self.compared(row, column, holds)
                if any(published):
                    cells = [formats.markdown_cell(row.cells[column.key]), *(text or ABSENT for text in published)]
                    lines.append(formats.markdown_line([row.label, formats.heading(column), *cells]))
        return ["| Network | Metric | Ours | Published | Verdict |", "|---|---|---:|---|---|", *lines] if lines else []

    def cells(self, row: Row) -> list[str]:
        """A row's numbers; those of the group of the best are bold."""
        return [formats.markdown_cell(row.cells[column.key]) for column in self.columns]

    @property
    def notes(self) -> list[str]:
        """What the tests say, what is unusable, and what disagrees; not what the page says once for all tables."""
        found = [note.text for note in self.comparison.table.notes if not note.mark and note.text not in general()]
        found += dict.fromkeys(f"Unusable and not ranked: {c.unusable}" for c in self.columns if c.unusable)
        names = [result.name for row in self.comparison.table.rows for result in row.results]
        return found + [f"{MARK} {text}" for name in names for text in self.suite.contradicted.get(name, ())]

    @property
    def glance(self) -> list[str]:
        """The row with the best mean, its number, how sure its place is, and the published value with the verdict."""
        table = self.comparison.table
        if not table.ranked or not table.headline:
            return ["no order: see below", ABSENT, ABSENT, ABSENT]
        first, *others = table.ranked
        value, judged = self.literature(first)
        number = f"{table.headline.label} {formats.text(first.cells[table.headline.key])} {table.headline.unit}".strip()
        return [first.label, number, certainty(first, others), f"{value}: {judged}" if value else ABSENT]


def certainty(first: Row, others: Sequence[Row]) -> str:
    """How sure it is that a row is the best: how many others a test tells from it, and how many not."""
    seeds = formats.seeds(first)
    words = [f"{seeds} seed{'s' * (seeds != '1')}"]
    if KEY not in first.cells:
        return words[0] + (", order open" if others else "")
    found = [standing(row) for row in others]
    texts = {APART: "tested worse", TOGETHER: "can't be told from it", UNTESTED: "untested"}
    words += [f"{found.count(each)} {text}" for each, text in texts.items() if each in found]
    return f"{words[0]}; of {len(others)} other{'s' * (len(others) != 1)}, {', '.join(words[1:])}"


def general() -> tuple[str, ...]:
    """Notes that hold for every table of few seeds."""
    return tuple(FEW_SEEDS.values())
