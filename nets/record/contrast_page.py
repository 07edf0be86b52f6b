"""The comparison of two results as a page that opens without a network, and as CSV."""

import csv
import io

import jinja2

from nets.record.contrast import (
    BETTER,
    COST,
    GONE,
    HEADLINE,
    NEW,
    NUMBER,
    OPEN,
    SAME,
    UNTESTED,
    WORSE,
    Contrast,
    reason,
)
from nets.record.pages import TEMPLATES
from nets.reporting import glossary
from nets.reporting.page import render

COLUMNS = (
    *("task", "dataset", "model", "variant", "kind", "name", "unit", "direction"),
    *("a_mean", "a_half", "a_n", "b_mean", "b_half", "b_n", "difference"),
    *("test", "test_n", "p", "p_holm", "verdict", "note"),
)
FAMILIES = {
    HEADLINE: ("Headlines", "The number by which each row is judged."),
    NUMBER: ("Other numbers", "Every other number that has changed."),
    COST: ("Costs", "Times and memory depend on what else the machine did. A change below 2 % counts as none."),
}
ORDER = (WORSE, BETTER, OPEN, UNTESTED, SAME)


def page(found: Contrast) -> str:
    """The page."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (render.ASSETS / "report.css").read_text(encoding="utf-8")
    templates.globals |= {"style": style, "reason": reason}
    families = []
    for family, (title, text) in FAMILIES.items():
        moved = sorted((each for each in found.of(family) if each.moved), key=lambda each: ORDER.index(each.verdict))
        families.append({"id": family, "title": title, "text": text, "moved": moved, "all": len(found.of(family))})
    return templates.get_template("contrast.html.j2").render(
        found=found, families=families, verdicts=counted(found), task_title=glossary.task_title, arrows=glossary.ARROWS
    )


def counted(found: Contrast) -> dict[str, int]:
    """How many headlines have each verdict, and how many rows only one result has."""
    headlines = [change.verdict for change in found.of(HEADLINE)]
    counts = {verdict: headlines.count(verdict) for verdict in ORDER}
    return counts | {end: sum(row.words == end for row in found.rows) for end in (NEW, GONE)}


def table(found: Contrast) -> str:
    """Every number and cost of the rows that both results have, one a line; and the rows that only one has."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in found.rows:
        names = dict(zip(COLUMNS[:4], row.row, strict=True))
        writer.writerow(names | {"kind": "row", "verdict": WORSE if row.lost else "", "note": row.words})
    for change in found.changes:
        test = change.difference
        writer.writerow(
            dict(zip(COLUMNS[:4], change.row, strict=True))
            | {"kind": change.family, "name": change.name, "unit": change.unit, "direction": change.direction}
            | {"a_mean": change.first.mean, "a_half": change.first.half, "a_n": change.first.n}
            | {"b_mean": change.second.mean, "b_half": change.second.half, "b_n": change.second.n}
            | {"difference": change.value, "test": test and test.test, "test_n": test and test.n, "p": test and test.p}
            | {"p_holm": change.p, "verdict": change.verdict, "note": change.words}
        )
    return text.getvalue()


def lines(found: Contrast) -> list[str]:
    """What has changed, for the terminal."""
    counts = counted(found)
    named = [f"{number} {verdict}" for verdict, number in counts.items() if number]
    first = f"{found.names[0]} ({found.runs[0]} runs) and {found.names[1]} ({found.runs[1]} runs)"
    text = [f"{first}: headlines of rows: {', '.join(named) or 'none'}."]
    text += [f"  differs: {clause}" for clause in found.elsewhere]
    text += [f"  {row.label} on {row.dataset}: {row.words}" for row in found.rows if not row.lost]
    return text + [f"  worse: {words}" for words in found.worse]
