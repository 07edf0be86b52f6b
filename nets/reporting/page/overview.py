"""The first page: what was run, where and at what cost, and what it says."""

import datetime
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.page.addresses import comparison_file
from nets.reporting.page.page import ENTRY, Page, Suite
from nets.reporting.page.pictures import Pictures
from nets.reporting.results import Result
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
        "facts": facts(suite.results),
        "tasks": by_task(suite.comparisons),
        "holes": [result for result in suite.results if not result.ok],
        "reading": formats.READING,
    }


def facts(results: list[Result]) -> dict[str, Any]:
    """What was run, where, when and for how long."""
    started = [m["started"] for result in results if (m := result.manifest).get("started")]
    newest = datetime.datetime.fromisoformat(max(started, key=datetime.datetime.fromisoformat)) if started else None
    machines = distinct(
        " and ".join(filter(None, [h.get("cpu"), h.get("gpu")]))
        for result in results if (h := result.manifest.get("hardware"))
    )  # fmt: skip
    return {
        "newest": f"{newest.day} {newest:%B %Y, %H:%M} {newest.tzname() or ''}".strip() if newest else "–",
        "revisions": distinct(short(result.manifest.get("revision") or "unknown") for result in results),
        "machines": machines,
        "devices": distinct(result.manifest.get("device") for result in results),
        "torch": distinct((result.manifest.get("packages") or {}).get("torch") for result in results),
        "runs": len(results),
        "seconds": sum(result.manifest.get("seconds") or 0 for result in results),
    }


def short(revision: str) -> str:
    """The start of a revision, with the '+' of a changed working tree."""
    return revision[:12] + ("+" if revision[12:].endswith("+") else "")


def distinct(values: Iterable[Any]) -> list[str]:
    """Values in the order given, without duplicates and empty ones."""
    return list(dict.fromkeys(str(value) for value in values if value))


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
