"""The lessons of a suite: what its runs say of each. Nothing is written here."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nets.reporting import glossary
from nets.reporting.lessons import readings, verdicts
from nets.reporting.lessons.verdicts import Judged
from nets.reporting.results import Result
from nets.reporting.statistics import Summary
from nets.suite.lessons import Claim, Lesson, Quantity, in_words, step


@dataclass(frozen=True)
class Tested:
    """A lesson with the results of its rows."""

    lesson: Lesson
    rows: dict[str, list[Result]]  # by their names in the lesson, each with its seeds

    def summary(self, row: str, quantity: str) -> Summary:
        """A quantity of a row over its seeds."""
        return readings.read(self.rows[row], self.lesson.quantities[quantity])

    def other(self, claim: Claim) -> Summary | float:
        """What a claim compares its row with."""
        if isinstance(claim.than, str):
            return self.summary(claim.than, claim.than_quantity)
        return float(claim.than)

    def paired(self, claim: Claim) -> bool:
        """Whether a seed means the same for both rows of a claim: the same run, or the same draw of labels."""
        return claim.row == claim.than or (
            isinstance(claim.than, str)
            and all(result.run.draws_labels for name in (claim.row, claim.than) for result in self.rows[name])
        )

    @cached_property
    def judged(self) -> list[Judged]:
        """The verdict on each claim."""
        claims = self.lesson.claims
        return [
            verdicts.judge(c, self.summary(c.row, c.quantity), self.other(c), self.paired(c), len(claims))
            for c in claims
        ]

    @property
    def verdict(self) -> str:
        """The verdict on the lesson."""
        return verdicts.overall([each.verdict for each in self.judged])


def tested(lessons: Iterable[Lesson], results: Iterable[Result]) -> list[Tested]:
    """The lessons whose rows are all in a suite, with their results."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if result.run.purpose == "benchmark":
            groups.setdefault(result.name.rpartition("-s")[0], []).append(result)
    found = [form for lesson in lessons if (form := lesson.among(groups))]
    return [Tested(form, {name: groups[row] for name, row in form.rows.items()}) for form in found]


def described(each: Tested) -> dict[str, Any]:
    """A lesson and its outcome, as the page shows them."""
    lesson = each.lesson
    return {
        "name": lesson.name,
        "title": lesson.title,
        "sentence": lesson.sentence,
        "source": lesson.source,
        "text": lesson.text,
        "verdict": each.verdict,
        "words": verdicts.WORDS[each.verdict],
        "rows": [row_entry(each, name) for name in lesson.rows],
        "quantities": [heading(quantity) for quantity in lesson.quantities.values()],
        "claims": [claim_entry(each, claim, judged) for claim, judged in zip(lesson.claims, each.judged, strict=True)],
        "full": lesson.full_rows,
    }


def heading(quantity: Quantity) -> str:
    """A quantity's name and unit."""
    return f"{quantity.label} ({quantity.unit})" if quantity.unit else quantity.label


def p_text(p: float | None) -> str:
    """A p-value at the end of a list; empty where nothing was tested."""
    return "" if p is None else ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"


def row_entry(each: Tested, name: str) -> dict[str, Any]:
    """A row of a lesson: its runs, and each quantity over its seeds."""
    results = each.rows[name]
    quantities = each.lesson.quantities
    return {
        "name": name,
        "row": results[0].name.rpartition("-s")[0],
        "overrides": results[0].run.row["overrides"],
        "recipe": results[0].run.recipe.name,
        "runs": [{"name": r.name, "seed": r.run.seed, "status": r.status} for r in results],
        "cells": [mean_text(each.summary(name, key), quantity) for key, quantity in quantities.items()],
        "values": {key: each.summary(name, key).values for key in quantities},
    }


def mean_text(summary: Summary, quantity: Quantity) -> str:
    """The mean over seeds with its interval, or what is missing."""
    if summary.mean is None:
        return f"– ({summary.gaps})" if summary.n else "–"
    words = glossary.number(summary.mean, quantity.decimals)
    return words if summary.half is None else f"{words} ± {glossary.number(summary.half, quantity.decimals)}"


def claim_entry(each: Tested, claim: Claim, judged: Judged) -> dict[str, Any]:
    """A claim and the verdict on it."""
    quantity = each.lesson.quantities[claim.quantity]
    entry: dict[str, Any] = {
        "words": in_words(claim, each.lesson.quantities),
        "verdict": judged.verdict,
        "why": judged.why,
        "what": "",
        "difference": "",
        "test": "",
    }
    if judged.estimate and judged.interval:
        estimate, (low, high) = judged.estimate, judged.interval
        number = glossary.number
        decimals = quantity.decimals if claim.factor is None else 3
        unit = "" if claim.factor else " %" if claim.relation == "misleading" else f" {step(quantity)}".rstrip()
        if claim.relation == "misleading":
            decimals = 1
        sign = "× " if claim.factor else "+" if estimate.value > 0 and claim.relation != "misleading" else ""
        interval = f" [{number(low, decimals)}, {number(high, decimals)}]" if low != high else ""
        p = "" if claim.relation == "equal" else p_text(estimate.p)
        entry |= {
            "difference": f"{sign}{number(estimate.value, decimals)}{interval}{unit}",
            "what": "ratio" if claim.factor else "share" if claim.relation == "misleading" else "difference",
            "test": f"{estimate.test}, {estimate.seeds} seeds{p}",
            "value": estimate.value, "low": low, "high": high, "p": estimate.p,
        }  # fmt: skip
    return entry
