"""What a suite's numbers say, in sentences. Each finding is made by a rule and names its evidence.

`RULES` lists the rules: when each fires, and what it says. `docs/statistics.md` explains the statistics behind them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nets.files import naming, write_json
from nets.reporting import glossary
from nets.reporting.comparisons import Comparison
from nets.reporting.results import Result
from nets.reporting.statistics import ALPHA, MCNEMAR, MOST_SEEDS
from nets.reporting.tables import formats
from nets.reporting.tables.across import RANK, Across
from nets.reporting.tables.best import APART, KEY, LEAST_SEEDS, SEEDS, TOGETHER, UNTESTED, listed, standing, test_of
from nets.reporting.tables.comparison import machine
from nets.reporting.tables.literature import EXPLANATION, Values, values_beside
from nets.reporting.tables.table import ABSENT, Column, Row, Table
from nets.reporting.tables.verdicts import ABOVE, BELOW, REPRODUCED, verdict

POINT = 1.0  # how far below the best a row may be to count as near: points of a percentage,
SHARE = 0.05  # or this share of any other number
LISTED = 6  # the most names in a sentence
COSTS = {  # by column: what a row that has the least of it is said to need
    "parameters": "the fewest parameters",
    "macs": "the fewest MACs per image",
    "sample_macs": "the fewest MACs per sample",
    "seconds": "the shortest training",
    "latency": "the shortest time for one image",
}


@dataclass(frozen=True)
class Finding:
    """A sentence, and the rows and runs that it is about, the first of them first."""

    rule: str
    table: str | None  # the name of the table that shows the numbers; None: it is about the whole suite
    sentence: str
    rows: list[str] = field(default_factory=list)  # `Row.name`
    runs: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)  # the numbers of the sentence, unrounded
    command: str | None = None  # what to type, where something is to be done


@dataclass(frozen=True)
class Suite:
    """What rules look at."""

    results: Sequence[Result]
    comparisons: Sequence[Comparison]
    published: Values
    across: Sequence[Across] = ()


class Rule(NamedTuple):
    """A rule: a heading for its findings, when it fires, and the function that finds them."""

    title: str
    text: str
    find: Callable[[Suite], Iterable[Finding]]


def find(suite: Suite) -> list[Finding]:
    """All findings, in the order of the rules."""
    return [finding for rule in RULES.values() for finding in rule.find(suite)]


def to_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """The content of `findings.json`. An `id`, for links, is the rule and the place among its findings."""
    found: list[dict[str, Any]] = []
    for each in findings:
        place = 1 + sum(other["rule"] == each.rule for other in found)
        found.append({"id": f"{each.rule}-{place}"} | asdict(each))
    used = {each["rule"] for each in found}
    rules = {name: {"title": rule.title, "text": rule.text} for name, rule in RULES.items() if name in used}
    return {"findings": found, "rules": rules}


def to_markdown(findings: Sequence[Finding]) -> str:
    """The findings under the headings of their rules."""
    lines = ["# Findings", "", "Made by rules from the tables beside this file; docs/statistics.md explains the tests."]
    for name, rule in RULES.items():
        if found := [each for each in findings if each.rule == name]:
            lines += ["", f"## {rule.title}", "", rule.text, ""]
            for each in found:
                evidence = ", ".join(filter(None, [each.table, *(each.rows or each.runs)[:6]]))
                lines.append(f"- {formats.escape_markdown(each.sentence)} [{formats.escape_markdown(evidence)}]")
    return "\n".join(lines) + "\n"


def write(findings: Sequence[Finding], folder: Path) -> None:
    """Write `findings.json` and `findings.md` into a folder."""
    write_json(folder / "findings.json", to_json(findings))
    with naming(folder / "findings.md"):
        (folder / "findings.md").write_text(to_markdown(findings), encoding="utf-8")


def finding(rule: str, table: Table | None, rows: Iterable[Row], sentence: str, **values: Any) -> Finding:
    """A finding about rows of a table."""
    chosen = list(rows)
    runs = [result.name for row in chosen for result in row.results]
    return Finding(rule, table.name if table else None, sentence, [row.name for row in chosen], runs, values)


def said(row: Row, column: Column) -> str:
    """A row's number with its interval and unit: '97.80 ± 0.99 %'."""
    return f"{formats.text(row.cells[column.key])} {column.unit}".strip()


def gap(difference: float, column: Column) -> str:
    """The size of a difference, with its unit: '0.53 points'."""
    unit = "points" if column.unit == "%" else column.unit
    return f"{glossary.number(abs(difference), column.decimals)} {unit}".strip()


def ranked(suite: Suite) -> Iterator[tuple[Table, Column, list[Row], dict[str, str]]]:
    """The tables that rank at least two rows: table, headline, ranked rows, and the short names of rows by label."""
    for comparison in suite.comparisons:
        table, column = comparison.table, comparison.table.headline
        if column and column.direction != "none" and len(table.ranked) > 1:
            yield table, column, table.ranked, table.short_names


def best(suite: Suite) -> Iterator[Finding]:
    """Which row has the best mean, and which no test tells from it."""
    for table, column, rows, names in ranked(suite):
        first, others = rows[0], rows[1:]
        head = f"{table.title}: {names[first.label]} has the best {column.label}, {said(first, column)}"
        if KEY not in first.cells:
            yield finding("best", table, rows[:1], f"{head}, but no row could be tested against it.", tied=[])
            continue
        tied = [row for row in others if standing(row) == TOGETHER]
        untested = [row for row in others if standing(row) == UNTESTED]
        if tied:
            sentence = f"{head}. No test tells {some(tied, names)} from it."
        else:
            told = [row for row in others if standing(row) == APART]
            count = "the only other row" if len(told) == 1 == len(others) else f"the {len(told)} rows that were tested"
            sentence = f"{head}, and differs significantly from {count}."
            if any(test_of(row) == MCNEMAR for row in told):
                sentence += (
                    " Where a row has one seed, that compares single trained networks and says nothing of other seeds."
                )
        if untested:
            sentence += f" {many(len(untested), 'row')} could not be tested."
        yield finding("best", table, [first, *tied], sentence, tied=[row.name for row in tied])


def cheapest(suite: Suite) -> Iterator[Finding]:
    """Which rows near the best cost least."""
    for table, column, rows, names in ranked(suite):
        first = rows[0]
        near = [row for row in rows if is_near(row, first, column)]
        least: dict[str, list[str]] = {}  # costs by the row that has the least of them
        for key in COSTS:
            costs = {row.name: value for row in near if (value := cost(row, key)) is not None}
            if len(set(costs.values())) > 1 and first.name in costs:
                least.setdefault(min(costs, key=lambda name: costs[name]), []).append(key)
        reach = "one point" if column.unit == "%" else f"{100 * SHARE:g} %"
        for row in near:
            if not (keys := least.get(row.name)):
                continue
            shown = {each.key: each for each in table.columns if each.key in keys}
            head = f"{table.title}: of the {len(near)} rows within {reach} of the best {column.label}, "
            if row is first:
                parts = [f"{COSTS[key]} ({said(row, shown[key])})" for key in keys]
                sentence = f"{head}{names[row.label]}, the best ({said(row, column)}), has {listed(parts)}."
            else:
                parts = [f"{COSTS[key]} ({said(row, shown[key])}; the best {said(first, shown[key])})" for key in keys]
                sentence = (
                    f"{head}{names[row.label]} has {listed(parts)}. It reaches {said(row, column)}, the best, "
                    f"{names[first.label]}, {said(first, column)}."
                )
            values = {key: {"least": cost(row, key), "of_best": cost(first, key)} for key in keys}
            yield finding("cheapest", table, [row] if row is first else [row, first], sentence, costs=values)


def is_near(row: Row, first: Row, column: Column) -> bool:
    """Whether a row's mean is near that of the first row."""
    top = mean(first, column)
    return abs(mean(row, column) - top) <= (POINT if column.unit == "%" else SHARE * abs(top)) + 1e-9


def cost(row: Row, key: str) -> float | None:
    """A row's cost, if it is above 0."""
    cell = row.cells.get(key)
    return cell.sort if cell and cell.sort else None


def tied(suite: Suite) -> Iterator[Finding]:
    """A row that is far from the best by its mean, and still can't be told from it."""
    for table, column, rows, names in ranked(suite):
        first, top = rows[0], mean(rows[0], column)
        together = [row for row in rows[1:] if KEY in row.cells and standing(row) == TOGETHER]
        far = [row for row in together if not is_near(row, first, column)]
        if far:
            *more, last = far
            sentence = (
                f"{table.title}: {names[last.label]} ({said(last, column)}) can't be told from {names[first.label]} "
                f"({said(first, column)}), although their means are {gap(mean(last, column) - top, column)} apart."
            )
            if more:
                sentence += f" The same holds for {some(more, names)}."
            yield finding("tied", table, [last, first, *more], sentence, difference=mean(last, column) - top)


def mean(row: Row, column: Column) -> float:
    """A row's mean."""
    return float(row.cells[column.key].sort or 0)


def over_datasets(suite: Suite) -> Iterator[Finding]:
    """Which row has the best mean rank over data sets, and which can't be told from it."""
    for each in suite.across:
        found, rows = each.found, each.table.rows
        names = {row.label: row.label for row in rows}
        head = f"{each.table.title}: {rows[0].label} has the best mean rank, {found.mean[0]:.2f} of {len(rows)}."
        p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.2g}"
        if found.p >= ALPHA:
            sentence = f"{head} Friedman's test can't tell the rows apart ({p})."
        else:
            near = [row for row in rows[1:] if row.cells[RANK].best]
            limit = f"Nemenyi's critical difference is {found.critical:.2f}"
            sentence = f"{head} {f'{some(near, names)} can not be told from it' if near else 'All others differ'}"
            sentence = f"{sentence} ({limit}; Friedman {p})."
        groups = [[rows[at].label for at in group] for group in each.groups]
        values = {"ranks": dict(zip(names, found.mean, strict=True)), "p": found.p, "friedman": found.friedman}
        values |= {"critical_difference": found.critical, "datasets": found.blocks, "groups": groups}
        yield finding("across", each.table, rows, sentence, **values)


def few_seeds(suite: Suite) -> Iterator[Finding]:
    """Which rows have too few seeds: a single one, or fewer than it takes to tell them from the best."""
    for table, column, rows, names in ranked(suite):
        if single := [row for row in rows if len(row.results) == 1]:
            every = len(single) == len(rows)
            who = "every row" if every else some(single, names)
            has = "has" if every or len(single) == 1 else "have"
            sentence = f"{table.title}: {who} {has} one seed, so nothing can be said of the luck of training."
            yield finding("few_seeds", table, single, sentence, have=1, needed=LEAST_SEEDS)
        wanting = [row for row in rows[1:] if wants(row, column)]
        if wanting:
            row, first = wanting[0], rows[0]
            have, needed = len(row.cells[column.key].seeds), wants(row, column)
            words = f"about {needed}" if needed <= MOST_SEEDS else f"more than {MOST_SEEDS:,}"
            sentence = (
                f"{table.title}: with {have} seeds, {names[row.label]} can't be told from {names[first.label]}; "
                f"{words} would do, if the difference so far is real."
            )
            if len(wanting) > 1:
                sentence += f" {some(wanting[1:], names)} need more seeds, too."
            yield finding("few_seeds", table, [row, first, *wanting[1:]], sentence, have=have, needed=needed)


def wants(row: Row, column: Column) -> int:
    """How many seeds it would take to tell a row from the best, if it is not told apart and has fewer; else 0."""
    needed = (row.cells[SEEDS].sort or 0) if SEEDS in row.cells and standing(row) == TOGETHER else 0
    return int(needed) if needed > len(row.cells[column.key].seeds) else 0


def holes(suite: Suite) -> Iterator[Finding]:
    """Runs without a result, by how they ended and why."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in suite.results:
        if not result.ok:
            groups.setdefault((row_name(result), result.status, result.reason), []).append(result)
    for (row, status, reason), runs in groups.items():
        seeds = ", ".join(f"s{result.run.seed}" for result in runs)
        who = f"{runs[0].short_label} on {runs[0].dataset_title}"
        sentence = f"{who} has no result for {seeds} ({glossary.status(status)}): {reason}"
        names, values = [result.name for result in runs], {"status": status, "seeds": [r.run.seed for r in runs]}
        yield Finding("hole", None, sentence, [row], names, values, runs[0].retry or None)


def row_name(result: Result) -> str:
    """The name of a run's row."""
    return result.name.rpartition("-s")[0]


def unmeasured(suite: Suite) -> Iterator[Finding]:
    """Metrics that could not be measured, by reason."""
    groups: dict[str, list[tuple[str, Result]]] = {}
    for result in suite.results:
        for number in result.numbers:
            if number.value is None:
                groups.setdefault(number.reason, []).append((number.metric, result))
    for reason, found in groups.items():
        metrics = list(dict.fromkeys(metric for metric, _ in found))
        runs = list({result.name: result for _, result in found}.values())
        labels = listed([glossary.describe(metric).label for metric in metrics])
        was = "was" if len(metrics) == 1 else "were"
        sentence = f"{labels} {was} not measured in {many(len(runs), 'run')}. {reason}"
        rows, names = list(dict.fromkeys(map(row_name, runs))), [result.name for result in runs]
        yield Finding("unmeasured", None, sentence, rows, names, {"metrics": metrics})


def literature(suite: Suite, wanted: Sequence[str], rule: str, words: dict[str, str]) -> Iterator[Finding]:
    """The rows whose headline has one of the `wanted` verdicts beside its published value."""
    for comparison in suite.comparisons:
        table, column = comparison.table, comparison.table.headline
        if column is None or column.passport:
            continue
        for row in table.rows:
            values = values_beside(row, column, suite.published)
            found = verdict(row, column, values)
            if found not in wanted:
                continue
            value = values[0]
            number = f"{glossary.number(value.value, column.decimals)} {column.unit}".strip()
            sentence = (
                f"{table.title}: {table.short_names[row.label]} has {column.label} {said(row, column)}, {words[found]} "
                f"the published {number} ({value.source})."
            )
            why = row.cells[EXPLANATION].text if EXPLANATION in row.cells else ABSENT
            if why != ABSENT and found != REPRODUCED:
                sentence += f" What differs: {why}."
            yield finding(rule, table, [row], sentence, verdict=found, published=value.value, ours=mean(row, column))


def surprises(suite: Suite) -> Iterator[Finding]:
    """Rows that are better or worse than published."""
    return literature(suite, (ABOVE, BELOW), "surprise", {ABOVE: "better than", BELOW: "worse than"})


def reproduced(suite: Suite) -> Iterator[Finding]:
    """Rows whose interval has the published value in it."""
    return literature(suite, (REPRODUCED,), "reproduced", {REPRODUCED: "whose interval has in it"})


def machines(suite: Suite) -> Iterator[Finding]:
    """Tables whose times were measured on different machines, and so don't compare."""
    for comparison in suite.comparisons:
        used: dict[str, list[Result]] = {}
        for result in comparison.results:
            if result.ok:
                used.setdefault(machine(result), []).append(result)
        if len(used) > 1:
            title = comparison.table.title
            sentence = f"{title}: its runs were trained on {listed(list(used))}, so their times do not compare."
            runs = [result.name for results in used.values() for result in results]
            rows = list(dict.fromkeys(map(row_name, comparison.results)))
            yield Finding("machines", comparison.table.name, sentence, rows, runs, {"machines": list(used)})


def some(rows: Sequence[Row], names: dict[str, str]) -> str:
    """The names of rows, at most six of them: 'A, B and 4 more'."""
    words = [names[row.label] for row in rows]
    return listed(words if len(words) <= LISTED else [*words[: LISTED - 1], f"{len(words) - LISTED + 1} more"])


def many(count: int, what: str) -> str:
    """'1 row', '3 rows'."""
    return f"{count} {what}{'' if count == 1 else 's'}"


RULES = {
    "hole": Rule(
        "What failed", "A run has no result: it diverged, ran out of memory or time, or its data are missing.", holes
    ),
    "best": Rule(
        "The best, and what can't be told from it",
        "Fires for each table with two ranked rows. Rows are tested against the best mean (docs/statistics.md).",
        best,
    ),
    "cheapest": Rule(
        "The cheapest near the best",
        f"Fires where at least two rows are near the best: within one point of a percentage, or {100 * SHARE:g} % of "
        "any other number. Names the one that costs least, for each cost that is measured.",
        cheapest,
    ),
    "tied": Rule(
        "Far apart, and still not told apart",
        "Fires where a row can't be told from the best although its mean is not near (more than a point, or "
        f"{100 * SHARE:g} %).",
        tied,
    ),
    "across": Rule(
        "Over several data sets",
        "Fires for each task with three rows that have a number on each of two data sets or more.",
        over_datasets,
    ),
    "few_seeds": Rule(
        "Too few seeds",
        "Fires for rows with one seed, and for rows that more seeds would tell from the best.",
        few_seeds,
    ),
    "surprise": Rule(
        "Other than published",
        "Fires where a published value that compares with ours is outside our interval (docs/published.md).",
        surprises,
    ),
    "reproduced": Rule(
        "As published",
        "Fires where the published value is in our interval over seeds, with the same network and training.",
        reproduced,
    ),
    "unmeasured": Rule("What could not be measured", "Fires for each metric without a value, by reason.", unmeasured),
    "machines": Rule(
        "Times that don't compare", "Fires where the runs of a table were trained on different machines.", machines
    ),
}
