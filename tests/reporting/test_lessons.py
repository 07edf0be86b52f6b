"""Lessons: the rule of the verdict, what is read from runs, and every lesson of the catalogue on invented numbers."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nets.jobs import compare, report
from nets.reporting.lessons import figures, outcome, readings, verdicts
from nets.reporting.lessons.section import read_lessons
from nets.reporting.lessons.verdicts import FAILS, HOLDS, OPEN, difference, judge, misled, overall, wrong
from nets.reporting.results import load_results
from nets.reporting.statistics import Summary
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.lessons import Claim, Figure, Lesson, Quantity, load_lessons
from tests.reporting.lesson_runs import fulfilled, write_row

LESSONS = load_lessons(ROOT / "config/lessons.yaml")
RUNS: dict[str, list] = {}
for each in load_runs(ROOT / "config/lessons.tsv"):
    RUNS.setdefault(each.name.rpartition("-s")[0], []).append(each)
HIGHER = Claim("top1", "a", "higher", "b", "top1")


def over_seeds(*values: float) -> Summary:
    return Summary(dict(enumerate(values)))


# The rule


@pytest.mark.parametrize("paired", [True, False])
def test_differences_and_intervals_are_scipys(paired):
    dice = np.random.default_rng(0)
    a, b = dice.normal(3, 1, 5), dice.normal(1, 2, 5)
    found = difference(over_seeds(*a), over_seeds(*b), paired)
    test = stats.ttest_rel(a, b) if paired else stats.ttest_ind(a, b, equal_var=False)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.p == pytest.approx(test.pvalue)
    for level in (0.95, 0.99):
        assert found.bounds(level) == pytest.approx(tuple(test.confidence_interval(level)))


def test_a_row_against_a_number_is_a_one_sample_test():
    a = np.array([91.0, 92.5, 91.7])
    found, test = difference(over_seeds(*a), 90.0, paired=False), stats.ttest_1samp(a, 90)
    assert found.p == pytest.approx(test.pvalue)
    assert found.bounds(0.95) == pytest.approx(tuple(np.array(test.confidence_interval(0.95)) - 90))


@pytest.mark.parametrize(
    ("first", "second", "by", "verdict"),
    [
        ((98.0, 98.1, 98.2), (96.0, 96.1, 96.2), 0, HOLDS),
        ((98.0, 98.1, 98.2), (96.0, 96.1, 96.2), 1, HOLDS),
        ((98.0, 98.1, 98.2), (96.0, 96.1, 96.2), 3, FAILS),  # different, but not by as much as counts
        ((96.0, 96.1, 96.2), (98.0, 98.1, 98.2), 0, FAILS),  # the other way round
        ((97.0, 97.1, 97.2), (97.0, 97.1, 97.2), 1, FAILS),  # the same, told apart from what counts
        ((97.0, 97.1, 97.2), (97.0, 97.1, 97.2), 0, OPEN),  # the same, and nothing says what counts
        ((95.0, 98.0, 99.0), (96.0, 96.5, 97.0), 0.5, OPEN),  # too wide
        ((98.0, 98.1, 98.2), (97.0, 97.1, 97.2), 1.05, OPEN),  # a difference, but perhaps too small
        ((98.0, 98.1), (90.0, 90.1), 0, OPEN),  # two seeds
    ],
)
def test_higher_and_lower(first, second, by, verdict):
    claim = replace(HIGHER, by=by)
    assert judge(claim, over_seeds(*first), over_seeds(*second), False).verdict == verdict
    mirrored = replace(claim, relation="lower")
    assert judge(mirrored, over_seeds(*second), over_seeds(*first), False).verdict == verdict


@pytest.mark.parametrize(
    ("first", "verdict"),
    [((10.0, 10.1, 10.2), HOLDS), ((12.0, 12.1, 12.2), FAILS), ((10.0, 11.0, 12.0), OPEN)],
)
def test_equal(first, verdict):
    second = over_seeds(10.0, 10.1, 10.2)
    assert judge(replace(HIGHER, relation="equal", by=1), over_seeds(*first), second, False).verdict == verdict
    assert judge(replace(HIGHER, relation="equal", factor=1.1), over_seeds(*first), second, False).verdict == verdict


def test_a_ratio_is_judged_and_shown_as_one():
    a, b = over_seeds(20.0, 21.0, 22.0), over_seeds(10.0, 10.5, 11.0)
    found = judge(replace(HIGHER, factor=1.5), a, b, paired=True)
    assert found.verdict == HOLDS and found.estimate.value == pytest.approx(2)
    assert found.interval[0] < 2 < found.interval[1]
    assert judge(replace(HIGHER, factor=3), a, b, False).verdict == FAILS
    assert judge(replace(HIGHER, factor=3), over_seeds(0.0, 1.0, 2.0), b, False).verdict == OPEN


def test_numbers_without_spread_are_compared_as_they_are():
    same = over_seeds(1000, 1000, 1000)
    assert judge(replace(HIGHER, relation="lower"), same, over_seeds(2000, 2000, 2000), False).verdict == HOLDS
    assert judge(HIGHER, same, same, False).verdict == FAILS
    assert judge(HIGHER, over_seeds(1, 2, 3), over_seeds(0, 1, 2), paired=True).estimate.test == "Welch t"


def test_missing_seeds_leave_a_claim_open_and_are_named():
    gap = Summary({0: 1.0, 1: 2.0}, {2: "diverged"})
    found = judge(HIGHER, gap, over_seeds(1, 2, 3), False)
    assert found.verdict == OPEN and "diverged: s2" in found.why


def test_misleading_is_the_share_of_draws_that_the_worse_row_wins():
    good, bad = [3.0, 4.0, 5.0, 6.0], [2.0, 3.0, 4.5, 5.0]
    pairs = list(product(good, bad))
    share = 100 * sum((a < b) + (a == b) / 2 for a, b in pairs) / len(pairs)
    assert misled(over_seeds(*bad), over_seeds(*good), 1).value == pytest.approx(share)
    more = [wrong(np.array(good), np.array(bad), seeds) for seeds in (1, 2, 3)]
    assert more == sorted(more, reverse=True)
    claim = replace(HIGHER, relation="misleading", by=5)
    dice = np.random.default_rng(0)
    rows = {shift: over_seeds(*dice.normal(shift, 1, 10)) for shift in (0, 0.3, 2.2, 20)}
    verdict = {shift: judge(claim, rows[0], rows[shift], False).verdict for shift in (0.3, 2.2, 20)}
    assert verdict == {0.3: HOLDS, 2.2: OPEN, 20: FAILS}
    assert judge(replace(claim, seeds=3), over_seeds(1, 2, 3), over_seeds(1, 2, 3), False).verdict == OPEN


def test_a_lesson_holds_if_all_claims_do_and_fails_if_one_does():
    assert overall([HOLDS, HOLDS]) == HOLDS
    assert overall([HOLDS, OPEN]) == OPEN
    assert overall([OPEN, FAILS, HOLDS]) == FAILS


def test_of_many_claims_each_has_to_fail_more_clearly():
    claim, first, second = replace(HIGHER, by=1.0), over_seeds(97.0, 97.2, 97.4), over_seeds(97.0, 97.2, 97.4)
    assert judge(claim, first, second, False, claims=1).verdict == FAILS
    assert judge(claim, first, second, False, claims=30).verdict == OPEN


@pytest.mark.parametrize(("shift", "by", "forbidden"), [(0.0, 0.0, HOLDS), (1.0, 1.0, FAILS)])
def test_luck_alone_decides_in_at_most_five_percent(shift, by, forbidden):
    """Without a difference, nothing holds; with one that counts, nothing fails: but for one in twenty."""
    dice = np.random.default_rng(1)
    pairs = [(over_seeds(*dice.normal(shift, 1, 4)), over_seeds(*dice.normal(0, 1, 4))) for _ in range(1500)]
    draws = [judge(replace(HIGHER, by=by), first, second, False) for first, second in pairs]
    assert sum(draw.verdict == forbidden for draw in draws) < 0.065 * len(draws)


# What is read


def test_each_way_of_reading_gives_the_number(tmp_path):
    values = {
        Quantity(metric="top1"): 97.5,
        Quantity(metric="top1", split="train"): 99.0,
        Quantity(history="train/loss"): 0.25,
        Quantity(history="train/other", take="spread"): 0.5,
        Quantity(history="validation/top1", take="epochs_to", level=90): 7,
        Quantity(cost="parameters"): 1234,
        Quantity(cost="linear_share"): 61.5,
    }
    runs = RUNS[next(iter(RUNS))][:1]
    write_row(tmp_path, runs, {quantity: [value] for quantity, value in values.items()})
    (tmp_path / "runs.txt").write_text(runs[0].name)
    results = load_results(tmp_path, tmp_path / "runs.txt")
    for quantity, value in values.items():
        assert readings.read(results, quantity).values == {runs[0].seed: pytest.approx(value)}, quantity
    late = replace(Quantity(history="validation/top1", take="epochs_to"), level=200)
    assert readings.read(results, late).mean == 31  # one epoch more than were trained
    absent = readings.read(results, Quantity(metric="top5"))
    assert absent.mean is None and absent.missing == {runs[0].seed: "not measured"}


def test_a_run_that_learned_nothing_counts_as_the_lesson_says(tmp_path):
    runs = RUNS[next(iter(RUNS))][:1]
    write_row(tmp_path, runs, {}, status="diverged")
    (tmp_path / "runs.txt").write_text(runs[0].name)
    results = load_results(tmp_path, tmp_path / "runs.txt")
    assert readings.read(results, Quantity(metric="top1", diverged=10)).mean == 10
    assert readings.read(results, Quantity(metric="top1")).missing == {runs[0].seed: "diverged"}


# Every lesson


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_its_rows_exist_with_seeds_for_a_verdict(lesson):
    assert lesson.among(RUNS) == lesson
    for claim in lesson.claims:
        for row in filter(lambda row: isinstance(row, str), (claim.row, claim.than)):
            assert len(RUNS[lesson.rows[row]]) >= verdicts.LEAST, row


def spread_out(quantity: Quantity, value: float, seeds: int, wide: bool) -> list[float]:
    """The numbers of some seeds around a value: close together, or so far apart that they tell nothing."""
    if quantity.cost:
        return [value] * seeds
    if quantity.take == "epochs_to":
        return [1.0 if seed % 2 else 30.0 for seed in range(seeds)] if wide else [float(round(value))] * seeds
    steps = np.linspace(-1, 1, seeds)
    return (
        list(value * 50.0**steps + 200 * steps if wide and value > 20 else value * 50.0**steps)
        if wide
        else list(value + 1e-3 * steps * max(abs(value), 1e-3))
    )


def invented(lesson: Lesson, result: str) -> dict[tuple[str, str], list[float]]:
    """Numbers with which the lesson has this verdict, for each row and quantity."""
    means, wide = fulfilled(lesson), set()
    if result != HOLDS:
        claim = next(c for c in lesson.claims if not lesson.quantities[c.quantity].cost or result == FAILS)
        place = (claim.row, claim.quantity)
        other = means[claim.than, claim.than_quantity] if isinstance(claim.than, str) else claim.than
        sign = -1 if claim.relation == "higher" else 1
        if result == OPEN:
            wide = {place}
        elif claim.factor is not None:
            means[place] = other * (3 * claim.factor) ** sign
        else:
            means[place] = other + sign * (3 * claim.by + 1)
    return {
        (row, key): spread_out(quantity, means[row, key], len(RUNS[lesson.rows[row]]), (row, key) in wide)
        for row in lesson.rows
        for key, quantity in lesson.quantities.items()
    }


def misleading_numbers(lesson: Lesson, result: str) -> dict[tuple[str, str], list[float]]:
    """The same, for lessons about seeds."""
    found, dice = invented(lesson, HOLDS), np.random.default_rng(0)
    for claim in (claim for claim in lesson.claims if claim.relation == "misleading"):
        seeds = len(RUNS[lesson.rows[claim.row]])
        found[claim.than, claim.quantity] = list(dice.normal(0, 1, seeds))
        shift = {HOLDS: 0.3, OPEN: 2.2, FAILS: 20.0}[result]
        found[claim.row, claim.quantity] = list(dice.normal(shift, 1, seeds))
    return found


@pytest.mark.parametrize("result", [HOLDS, FAILS, OPEN])
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_its_rule_gives_each_verdict(lesson, result, tmp_path):
    misleads = any(claim.relation == "misleading" for claim in lesson.claims)
    numbers = misleading_numbers(lesson, result) if misleads else invented(lesson, result)
    for row, name in lesson.rows.items():
        write_row(tmp_path, RUNS[name], {q: numbers[row, key] for key, q in lesson.quantities.items()})
    names = [run.name for name in lesson.rows.values() for run in RUNS[name]]
    (tmp_path / "runs.txt").write_text("\n".join(dict.fromkeys(names)))
    (tested,) = outcome.tested([lesson], load_results(tmp_path, tmp_path / "runs.txt"))
    assert tested.verdict == result, [(each.verdict, each.why) for each in tested.judged]
    entry = outcome.described(tested)
    assert entry["words"] == verdicts.WORDS[result]
    assert all(run["name"] in names for row in entry["rows"] for run in row["runs"])
    json.dumps(entry, allow_nan=False)


# In files, in the report, in a browser


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    """A suite of all lessons with invented numbers: the first holds, the second does not, the third is open, ..."""
    folder = tmp_path_factory.mktemp("out") / "results/lessons"
    values: dict[str, dict[Quantity, list[float]]] = {}
    for place, lesson in enumerate(LESSONS):
        result = (HOLDS, FAILS, OPEN)[place % 3]
        misleads = any(claim.relation == "misleading" for claim in lesson.claims)
        numbers = misleading_numbers(lesson, result) if misleads else invented(lesson, result)
        for (row, key), each in numbers.items():
            values.setdefault(lesson.rows[row], {}).setdefault(lesson.quantities[key], each)
        for figure in (figure for figure in lesson.figures if figure.column):
            for row in figure.rows:
                name = lesson.rows[row]
                values[name].setdefault(Quantity(history=figure.column), [50.0] * len(RUNS[name]))
    for name, quantities in values.items():
        write_row(folder, RUNS[name], quantities)
    (folder / "runs.txt").write_text("\n".join(run.name for name in values for run in RUNS[name]))
    words = ["--results", str(folder), "--runs-from", str(folder / "runs.txt")]
    assert compare.main(words) == 0
    assert report.main([*words, "--output", str(folder / "report.html")]) == 0
    return folder


def test_the_report_shows_each_lesson_with_its_verdict_its_figure_and_its_rows(suite):
    page, found = (suite / "report/lessons.html").read_text(), read_lessons(suite)
    assert [lesson["name"] for lesson in found] == [lesson.name for lesson in LESSONS]
    for lesson in found:
        part = page.split(f'id="lesson-{lesson["name"]}"')[1].split("</article>")[0]
        assert lesson["words"].replace("'", "&#39;") in part
        assert part.count("<img") == sum(len(figure["files"]) for figure in lesson["figures"])
        assert all((suite / "report" / source).exists() for source in re.findall(r'<img src="(.*?)"', part))
        for row in lesson["rows"]:
            assert f"<code>{row['row']}</code>" in part
            assert all(f'href="run-{run["name"]}.html"' in part for run in row["runs"])
            assert all((suite / f"report/run-{run['name']}.html").exists() for run in row["runs"])
        assert all(claim["why"] in part for claim in lesson["claims"])


def test_a_suite_without_lessons_has_no_section(suite, tmp_path):
    folder = tmp_path / "results/one"
    (folder / "runs").mkdir(parents=True)
    name = (suite / "runs.txt").read_text().split()[0]
    shutil.copytree(suite / "runs" / name, folder / "runs" / name)
    (folder / "runs.txt").write_text(name)
    words = ["--results", str(folder), "--runs-from", str(folder / "runs.txt")]
    assert compare.main(words) == 0 and read_lessons(folder) == []
    assert report.main([*words, "--output", str(folder / "report.html")]) == 0
    assert not (folder / "report/lessons.html").exists() and "Lessons" not in (folder / "report.html").read_text()


def test_every_kind_of_figure_is_drawn(tmp_path, suite):
    """Also those of arrays and pictures, which invented runs lack."""
    results = load_results(suite, suite / "runs.txt")
    (tested, *_) = outcome.tested(LESSONS, results)
    row = next(iter(tested.lesson.rows))
    common = {"quantity": next(iter(tested.lesson.quantities)), "quantities": [], "rows": [row]}
    for result in tested.rows[row]:
        result.__dict__["arrays"] = {"sizes": np.arange(1, 6), "values": np.arange(5) + result.run.seed}
        result.__dict__["arrays"] |= {"named": np.arange(3), "names": np.array(["conv1", "conv2", "fc"])}
        (result.folder / "figures").mkdir(exist_ok=True)
        (result.folder / "figures/samples.png").write_bytes(b"png")
    kinds = {
        "profile": Figure("profile", "P", **common, x="size", y="a", arrays={"a": "values"}, at="sizes", log=True),
        "names": Figure("profile", "P", **common, x="layer", y="a", arrays={"a": "named"}, at="names"),
        "none": Figure("profile", "P", **common, x="size", y="a", arrays={"a": "absent"}),
        "pictures": Figure("pictures", "P", **common, picture="samples.png"),
    }
    lesson = replace(tested.lesson, figures=list(kinds.values()))
    drawn = figures.draw(replace(tested, lesson=lesson), tmp_path)
    assert [each["kind"] for each in drawn] == ["profile", "profile", "pictures"]
    assert drawn[2]["files"][0]["run"] == tested.rows[row][0].name
    for path in tmp_path.glob("*.svg"):
        assert "<svg" in path.read_text()


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
@pytest.mark.parametrize("width", [1300, 400])
def test_the_section_in_a_browser_with_keyboard_and_on_a_narrow_screen(suite, tmp_path, width):
    probe = """
      const out = {}, links = [...document.querySelectorAll(".lesson-list a")];
      out.titles = links.map((a) => a.querySelector("span").textContent);
      out.focusable = links.every((a) => { a.focus(); return document.activeElement === a; });
      out.tables = [...document.querySelectorAll(".lesson .scroll")].every((t) => t.tabIndex === 0 && t.ariaLabel);
      links[1].click();
      out.target = location.hash;
      out.wide = document.documentElement.scrollWidth - innerWidth;
      out.out = [...document.querySelectorAll(".lesson img, .lesson-claims, .lesson blockquote, .lesson-verdict")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className || e.tagName);
      parent.postMessage(JSON.stringify(out), "*");
    """
    report_folder = tmp_path / "report"
    shutil.copytree(suite / "report", report_folder, ignore=shutil.ignore_patterns("run-*", "data"))
    (report_folder / "assets/tables.js").write_text(f"addEventListener('load', () => {{{probe}}});")
    # Chromium's window is at least 500 pixels wide, so a narrow page is a frame.
    frame = report_folder / "frame.html"
    frame.write_text(
        "<script>onmessage = (event) => document.body.append(event.data);</script>"
        f'<iframe width="{width}" height="900" src="lessons.html"></iframe>'
    )
    flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking " \
        "disable-component-update disable-sync virtual-time-budget=4000 dump-dom"  # fmt: skip
    command = ["chromium", *(f"--{f}" for f in flags.split()), f"--user-data-dir={tmp_path / 'p'}", frame.as_uri()]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    seen = json.loads(html.unescape(re.search(r"</iframe>(\{.*\})", text)[1]))
    assert seen["titles"] == [lesson.title for lesson in LESSONS]
    assert seen["focusable"] and seen["tables"]
    assert seen["target"] == f"#lesson-{LESSONS[1].name}"
    assert seen["wide"] <= 0 and seen["out"] == []
