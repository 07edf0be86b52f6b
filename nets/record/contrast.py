"""Two results of a suite side by side: which rows are new, which numbers and costs have changed, and what that means.

Headlines are one family of tests, other numbers a second and costs a third; Holm's correction counts the tests of each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from nets.metrics.metric import stem
from nets.record.agreement import parts, same_data
from nets.record.measured import names_of
from nets.reporting import glossary
from nets.reporting.grouping import by_comparison, by_model
from nets.reporting.measures import Measure
from nets.reporting.results import Result, load_results
from nets.reporting.statistics import ALPHA, Difference, Summary, holm, mcnemar, summarise, t_test
from nets.suite.changes import differences

HEADLINE, NUMBER, COST = "headline", "number", "cost"  # the families of tests
SAME, BETTER, WORSE, OPEN, UNTESTED, GONE, NEW = (
    *("same", "better", "worse", "not told apart", "untested", "only in A", "only in B"),
)
COSTS = {  # by key of a manifest: its name and unit; less is better
    "seconds": ("Training time", "s"),
    "peak_memory_mb": ("Peak memory", "MiB"),
    "parameters": ("Parameters", ""),
    "macs": ("Operations for an image (MACs)", ""),
}
MEASURED_COSTS = ("seconds", "peak_memory_mb")  # the others are facts, in which any change counts
LEAST = 0.02  # share by which a cost must differ to count as changed, whatever a test says

Key = tuple[str, str, str, str]  # task, data set, model, variant


@dataclass(frozen=True)
class Change:
    """A number, or a cost, of one row in both results; `None` where one has none."""

    row: Key
    label: str  # of the row
    dataset: str  # its title
    family: str
    name: str  # of the number or cost, as in CSV
    title: str  # in words
    unit: str
    decimals: int | None
    direction: str
    first: Summary
    second: Summary
    difference: Difference | None = None  # the test
    p: float | None = None  # corrected
    verdict: str = UNTESTED
    words: str = ""  # why there is no test

    @property
    def value(self) -> float | None:
        """The second mean minus the first; None if a mean is missing."""
        means = self.first.mean, self.second.mean
        return None if means[0] is None or means[1] is None else means[1] - means[0]

    @property
    def moved(self) -> bool:
        """Whether anything has changed."""
        return self.verdict != SAME

    def in_words(self, summary: Summary) -> str:
        """A mean, with half its interval."""
        if summary.mean is None:
            return summary.gaps if summary.expected else "–"
        text = glossary.number(summary.mean, self.decimals)
        return text if summary.half is None else f"{text} ± {glossary.number(summary.half, self.decimals)}"

    @property
    def delta(self) -> str:
        """The difference of the means, with its sign."""
        if self.value is None:
            return "–"
        return ("+" if self.value > 0 else "") + glossary.number(self.value, self.decimals)


class RowChange(NamedTuple):
    """What is said of a whole row."""

    row: Key
    label: str
    dataset: str
    words: str  # "only in A", or how the descriptions differ
    lost: bool  # whether a run that had a result has none now


@dataclass(frozen=True)
class Contrast:
    """What has changed from result A to result B."""

    names: tuple[str, str]
    rows: list[RowChange]
    changes: list[Change]
    elsewhere: list[str]  # how software and hardware differ
    runs: tuple[int, int]

    @property
    def worse(self) -> list[str]:
        """What got worse, in words: headlines, and runs that have no result any more."""
        lost = [f"{row.label} on {row.dataset}: {row.words}" for row in self.rows if row.lost]
        return lost + [
            f"{each.label} on {each.dataset}: {each.title} {each.in_words(each.first)} was, "
            f"{each.in_words(each.second)} is ({reason(each)})"
            for each in self.changes
            if each.family == HEADLINE and each.verdict == WORSE
        ]

    def of(self, family: str) -> list[Change]:
        """The changes of a family."""
        return [change for change in self.changes if change.family == family]


def contrast(first: Path, second: Path) -> Contrast:
    """Compare two results, each the folder of a suite. Raises UserError."""
    for folder in (first, second):
        names_of(folder)  # raises the sentence about a folder without results
    results = [load_results(folder, folder / "runs.txt") for folder in (first, second)]
    rows_a, rows_b = map(rows_of, results)
    rows: list[RowChange] = []
    changes: list[Change] = []
    for key in {**rows_a, **rows_b}:
        a, b = rows_a.get(key, []), rows_b.get(key, [])
        rows += row_changes(key, a, b)
        if a and b:
            changes += numbers(key, a, b) + costs(key, a, b)
    judged = [each for family in (HEADLINE, NUMBER, COST) for each in judge([c for c in changes if c.family == family])]
    return Contrast((str(first), str(second)), rows, judged, elsewhere(*results), (len(results[0]), len(results[1])))


def rows_of(results: Iterable[Result]) -> dict[Key, list[Result]]:
    """The runs of each row, in each comparison that shows it."""
    return {
        (task, dataset, *row): runs
        for (task, dataset), group in by_comparison(results).items()
        for row, runs in by_model(group).items()
    }


def row_changes(key: Key, first: list[Result], second: list[Result]) -> list[RowChange]:
    """What is said of a row as a whole: whether it is new, another description, other seeds, lost results."""
    shown = (second or first)[0]
    words: list[tuple[str, bool]] = []
    if not first or not second:
        words.append((NEW if second else GONE, False))
    else:
        changed = differences(plain(first[0]), plain(second[0]))
        words += [("; ".join(changed), False)] if changed else []
        before, after = {run.run.seed for run in first}, {run.run.seed for run in second}
        if before != after:
            words.append((f"seeds were {listed(before)} and are {listed(after)}", False))
        ended = {run.run.seed: run for run in second}
        lost = [ended[r.run.seed] for r in first if r.ok and r.run.seed in ended and not ended[r.run.seed].ok]
        words += [
            (f"s{run.run.seed} has no result any more ({run.status}: {run.reason.rstrip('.')})", True) for run in lost
        ]
    return [RowChange(key, shown.label, shown.dataset_title, text, lost) for text, lost in words]


def plain(result: Result) -> dict[str, Any]:
    """A description without its name and seed."""
    return {key: value for key, value in result.description.items() if key not in ("name", "seed", "fidelity")}


def listed(seeds: Iterable[int]) -> str:
    """Seeds as a list."""
    return ", ".join(map(str, sorted(seeds)))


def numbers(key: Key, first: list[Result], second: list[Result]) -> list[Change]:
    """The numbers of a row that both results have, or one of them."""
    headline = next((run.headline for run in (*first, *second) if run.headline), None)
    measures = {n.measure: n for run in (*first, *second) for n in run.numbers}
    changes = []
    for measure, number in sorted(measures.items(), key=lambda item: glossary.order(item[0].metric)):
        metric = glossary.describe(measure.metric)
        title = metric.label if measure.split == "test" else f"{metric.label} ({measure.split})"
        a, b = values(first, measure), values(second, measure)
        family = HEADLINE if measure == headline else NUMBER
        change = Change(
            key, second[0].label, second[0].dataset_title, family, f"{measure.split}/{measure.metric}",
            *(title, metric.unit, metric.decimals, number.direction, a, b),
        )  # fmt: skip
        changes.append(replace(change, **tested(change, first, second, measure)))
    return changes


def values(runs: list[Result], measure: Measure) -> Summary:
    """One number of a row, by seed."""
    found = {run.run.seed: next((n.value for n in run.numbers if n.measure == measure), None) for run in runs}
    return summarise(found, {run.run.seed: glossary.status(run.status) for run in runs if not run.ok})


def tested(change: Change, first: list[Result], second: list[Result], measure: Measure) -> dict[str, Any]:
    """The test of a number, or why there is none; and the verdict where no test decides."""
    a, b = change.first, change.second
    if a.values == b.values and not (a.missing or b.missing):
        return {"verdict": SAME}
    if not a.complete or not b.complete:
        return {"words": "a seed has no number"}
    if passports(first, measure) != passports(second, measure):
        return {"words": "measured differently (other passports)"}
    if found := t_test(named(a), named(b)):
        return {"difference": found}
    if change.family == HEADLINE and stem(measure.metric) == "top1" and (found := paired(first, second)):
        return {"difference": found}
    allowed = glossary.describe(measure.metric).allowed
    pairs = [(a.values[seed], b.values[seed]) for seed in a.values.keys() & b.values.keys()]
    within = bool(pairs) and all(allowed.allows(*pair, True) for pair in pairs)
    words = f"no test (one seed); {'within' if within else 'beyond'} the tolerance of two trainings"
    return {"words": words, "verdict": UNTESTED if within else towards(change)}


def named(summary: Summary) -> Mapping[str, float]:
    """Values by seed, as tests take them."""
    return {str(seed): value for seed, value in summary.values.items()}


def passports(runs: list[Result], measure: Measure) -> list[Any]:
    """How a number was measured."""
    return [n.passport for run in runs[:1] for n in run.numbers if n.measure == measure]


def paired(first: list[Result], second: list[Result]) -> Difference | None:
    """McNemar's test of the networks of one seed on the same test images; None if there are no such."""
    seeds = {run.run.seed: run for run in second if run.ok}
    for run in first:
        other = seeds.get(run.run.seed)
        if run.ok and other and run.right and other.right and run.right[0] == other.right[0]:
            a, b = run.right[1], other.right[1]
            return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()), len(a))
    return None


def towards(change: Change) -> str:
    """BETTER or WORSE, by the direction of a number; OPEN if it has none."""
    if not change.value or change.direction not in ("higher", "lower"):
        return OPEN
    return BETTER if (change.value > 0) == (change.direction == "higher") else WORSE


def costs(key: Key, first: list[Result], second: list[Result]) -> list[Change]:
    """The costs of a row. Times of different machines are shown and not tested."""
    changes = []
    alike = all(
        a.manifest.get(k) == b.manifest.get(k) for a in first[:1] for b in second[:1] for k in ("hardware", "device")
    )
    for name, (title, unit) in COSTS.items():
        a, b = cost(first, name), cost(second, name)
        if not (a.n or b.n):
            continue
        decimals = 1 if name in MEASURED_COSTS else 0
        change = Change(key, second[0].label, second[0].dataset_title, COST, name, title, unit, decimals, "lower", a, b)
        if a.values == b.values or (change.value is not None and abs(change.value) <= LEAST * abs(a.mean or 0)):
            change = replace(change, verdict=SAME)
        elif name not in MEASURED_COSTS:
            change = replace(change, verdict=towards(change), words="a fact of the network")
        elif not alike:
            change = replace(change, words="measured on different machines")
        elif found := t_test(named(a), named(b)):
            change = replace(change, difference=found)
        else:
            change = replace(change, words="no test (one seed)")
        changes.append(change)
    return changes


def cost(runs: list[Result], name: str) -> Summary:
    """A cost of a row, by seed; the sum over networks."""
    found = {}
    for run in runs:
        value = run.manifest.get(name)
        found[run.run.seed] = float(sum(value.values())) if isinstance(value, dict) else value
    return summarise(found, {run.run.seed: glossary.status(run.status) for run in runs if not run.ok})


def judge(changes: list[Change]) -> list[Change]:
    """Changes with p-values corrected for their number, and with verdicts."""
    ps = iter(holm([change.difference.p for change in changes if change.difference]))
    judged = []
    for change in changes:
        if change.difference:
            p = next(ps)
            change = replace(change, p=p, verdict=towards(change) if p < ALPHA else OPEN)
        judged.append(change)
    return judged


def reason(change: Change) -> str:
    """The test of a change, or why there is none."""
    if change.difference is None:
        return change.words
    kind = "images" if change.difference.test == "McNemar" else "seeds"
    p = "< 0.001" if (change.p or 0) < 0.001 else f"{change.p:.3f}"
    return f"{change.difference.test}, {change.difference.n} {kind}, p {p}"


def elsewhere(first: Sequence[Result], second: Sequence[Result]) -> list[str]:
    """How software, hardware and data of the two results differ, as clauses, each once."""
    others = {run.name: run for run in second}
    found: dict[str, None] = {}
    for run in first:
        other = others.get(run.name)
        if other and run.ok and other.ok:
            for part, clauses in parts(run.manifest, other.manifest).items():
                found |= dict.fromkeys(f"{part}: {clause}" for clause in clauses)
            both = "data" in run.manifest and "data" in other.manifest
            if both and "sha256" in run.manifest["data"] and not same_data(run.manifest, other.manifest):
                found[f"data: other training images of {run.run.dataset}"] = None
    return list(found)
