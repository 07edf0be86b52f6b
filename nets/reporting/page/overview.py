"""The first page: what was run, where and at what cost, and what the numbers say."""

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.page.addresses import comparison_file
from nets.reporting.page.page import ENTRY, Page, Suite
from nets.reporting.page.pictures import Pictures
from nets.reporting.statistics import MCNEMAR
from nets.reporting.tables import formats
from nets.reporting.tables.best import APART, standing, test_of
from nets.reporting.tables.table import Row, Table


def pages(suite: Suite, _: Pictures) -> Iterator[Page]:
    """The entry of the report."""
    yield Page(ENTRY, "Overview", "overview.html.j2", lambda: content(suite), "This suite")


def content(suite: Suite) -> dict[str, Any]:
    """What fills the first page."""
    return {
        "facts": suite.facts,
        "when": when(suite.facts),
        "machines": [machine(each, len(suite.facts["machines"]) > 1) for each in suite.facts["machines"]],
        "energy": energy(suite.facts["cost"]),
        "findings": by_rule(suite),
        "tasks": by_task(suite.comparisons),
        "reading": formats.READING,
    }


def when(facts: dict[str, Any]) -> str:
    """From when to when a suite ran, and how long that is: '28 November 2026, 03:35 to 03:53 UTC (18 min 00 s)'."""
    if not facts["started"]:
        return "–"
    start, end = (datetime.datetime.fromisoformat(facts[key]) for key in ("started", "ended"))
    day = f"{start.day} {start:%B %Y, %H:%M}"
    later = f"{end:%H:%M}" if end.date() == start.date() else f"{end.day} {end:%B %Y, %H:%M}"
    return f"{day} to {later} UTC ({glossary.duration((end - start).total_seconds())})"


def machine(facts: dict[str, Any], one_of_many: bool) -> str:
    """A machine in words: 'Intel Xeon, 2 cores; 1 thread a run'."""
    threads = facts["threads"] or 0
    words = [facts["gpu"] or "", facts["cpu"] or "", f"{facts['cores']} cores" if facts["cores"] else ""]
    words += [f"{threads} thread{'s' if threads > 1 else ''} a run"] if threads and facts["device"] == "cpu" else []
    return ", ".join(filter(None, words)) + (f" ({facts['runs']} runs)" if one_of_many else "")


def energy(cost: dict[str, Any]) -> str:
    """The energy that meters have read, in words."""
    if cost["joules"] is None:
        return "no meter could be read"
    watt_hours = cost["joules"] / 3600
    return f"{watt_hours:.3g} Wh in {cost['joules_of']['jobs']} jobs that had a meter ({', '.join(cost['meters'])})"


class Rule(NamedTuple):
    """The findings of a rule: its heading, when it fires, and what it has found."""

    title: str
    text: str
    findings: list[dict[str, Any]]
    minor: bool  # says what is missing rather than what was found


MINOR = ("few_seeds", "unmeasured", "machines")


def by_rule(suite: Suite, table: str | None = None) -> list[Rule]:
    """The findings under the headings of their rules; of one table, if that is named.

    `about` is the title of a finding's table, and `words` the sentence without it.
    """
    known = {each["table"]: each["title"] for each in suite.facts["tables"]}
    known |= {each.name: each.title for each in suite.across}
    titles = suite.findings["rules"]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in titles}
    for each in suite.findings["findings"]:
        if table in (None, each["table"]):
            about, words = known.get(each["table"], ""), each["sentence"].removeprefix(f"{known.get(each['table'])}: ")
            groups[each["rule"]].append(each | {"about": about, "words": words[:1].upper() + words[1:]})
    return [
        Rule(titles[name]["title"], titles[name]["text"], found, name in MINOR)
        for name, found in groups.items()
        if found
    ]


class Card(NamedTuple):
    """What the first page says about a table: the group of the best, its numbers, and what tests say of it."""

    title: str
    value: str
    verdict: str = ""


def card(table: Table) -> Card:
    """The card of a table. Without a test it names no row, but the range of the headline."""
    headline, first, rows = table.headline, table.rows[0], table.ranked
    if headline and headline.unusable:
        return Card("Not ranked", f"{headline.label} is unusable")
    if headline is None or not rows:
        return Card("No result", headline_text(table, first))
    if len(rows) == 1:
        return Card(table.short_names[first.label], headline_text(table, first))
    group = [row for row in rows if row.cells[headline.key].best]
    shown = sorted(float(row.cells[headline.key].sort or 0) for row in group or rows)
    ends = " to ".join(glossary.number(end, headline.decimals) for end in (shown[0], shown[-1]))
    value = f"{headline.label} {ends} {headline.unit}".strip()
    if not group:
        return Card(f"{len(rows)} models", value, "no test can tell them apart")
    names = [table.short_names[row.label] for row in group]
    title = ", ".join(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more"])
    told, others = [row for row in rows if standing(row) == APART], len(rows) - len(group)
    verdict = [] if len(group) == 1 else ["no test tells them apart"]
    if told:
        networks = sum(test_of(row) == MCNEMAR for row in told)
        only = f" ({networks} of them compared as single trained networks)" if networks else ""
        count = f"{len(told)} of {others}" if len(told) < others else f"all {others}"
        verdict.append(f"differs from {'the other' if others == 1 else f'{count} others'}{only}")
    return Card(title, headline_text(table, first) if len(group) == 1 else value, "; ".join(verdict))


def headline_text(table: Table, row: Row) -> str:
    """A row's headline in words, from the first passport that has one: 'Top-1 97.46 ± 0.18 %'."""
    headline = table.headline
    columns = [c for c in table.columns if headline and (c.metric, c.split) == (headline.metric, headline.split)]
    for column in columns:
        if row.cells[column.key].sort is not None:
            unit = f" {column.unit}" if column.unit else ""
            return f"{column.label} {formats.text(row.cells[column.key])}{unit}"
    return row.cells[columns[0].key].text if columns else formats.status(row)


def by_task(comparisons: list[Comparison]) -> list[dict[str, Any]]:
    """The cards of comparisons, grouped by task in the order in which the tasks occur."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in comparisons:
        entry = {"file": comparison_file(each.table.name), "dataset": each.results[0].dataset_title}
        groups.setdefault(each.task, []).append(entry | {"card": card(each.table)})
    return [
        {"title": glossary.task_title(task), "text": glossary.TASKS.get(task, ("", ""))[1], "cards": cards}
        for task, cards in groups.items()
    ]
