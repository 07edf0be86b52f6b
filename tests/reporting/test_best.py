"""The group of the best: which rows a test tells from the best mean, and that nothing else is called best."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from nets.reporting.figures.trade_off import points
from nets.reporting.page.overview import card
from nets.reporting.results import load_results
from nets.reporting.statistics import holm, seeds_to_tell
from nets.reporting.tables import formats
from nets.reporting.tables.best import KEY, SEEDS, against_the_best
from nets.reporting.tables.comparison import comparison_table
from nets.reporting.tables.table import Cell, Column, Row, Table

TRUTH = np.arange(1000) % 10


@pytest.fixture(scope="module")
def plain(results):
    return load_results(results, results / "runs.txt")[0]


@pytest.fixture
def row(plain):
    """The function that makes a row from its name and the values of its seeds; `wrong` are its first run's mistakes."""

    def make(name: str, values: list[float], seeds: range | None = None, wrong: slice | None = None) -> Row:
        by_seed = dict(zip(seeds or range(len(values)), values, strict=True))
        runs = [replace(plain, run=replace(plain.run, title=name, seed=seed)) for seed in by_seed]
        for each in runs:
            each.__dict__["answers"] = {"labels": TRUTH}
        if wrong:
            runs[0].answers["predicted"] = TRUTH.copy()
            runs[0].answers["predicted"][wrong] += 1
        mean = sum(values) / len(values)
        cells = {"top1": Cell(f"{mean:.2f}", mean, seeds={str(k): v for k, v in by_seed.items()}), "nll": Cell("1", 1)}
        return Row(name, runs, cells)

    return make


def judged(rows: list[Row], metric: str = "top1", direction: str = "higher") -> Table:
    headline = Column("top1", "Top-1", "%", direction, 2, headline=True, metric=metric, split="test")
    columns, notes = against_the_best(rows, headline)
    return Table("classification-mnist5k", "T", [headline, *columns, Column("nll", "NLL")], rows, notes)


def group(table: Table) -> list[str]:
    return [row.label for row in table.rows if row.cells["top1"].best]


def words(table: Table) -> str:
    return " ".join(note.text for note in table.notes)


def test_rows_are_tested_over_seeds_against_the_best_mean_and_corrected(row):
    values = {"A": [97.8, 97.5, 97.9], "B": [97.6, 97.7, 97.4], "C": [95.0, 94.8, 95.1], "D": [90.0, 90.3, 89.8]}
    table = judged([row(name, each) for name, each in values.items()])
    ps = [stats.ttest_rel(values[name], values["A"]).pvalue for name in "BCD"]
    assert [each.cells[KEY].sort for each in table.rows] == pytest.approx([None, *holm(ps)])
    assert group(table) == ["A", "B"]
    assert not any(each.cells["nll"].best for each in table.rows)
    assert "No test tells B from A, which has the highest mean." in words(table)
    assert "Holm-corrected for 3 tests" in words(table) and "paired t-test" in words(table)
    assert "Welch" not in words(table) and "McNemar" not in words(table)


def test_a_row_told_from_all_others_is_alone(row):
    table = judged([row("A", [97.8, 97.5, 97.9]), row("D", [90.0, 90.3, 89.8])])
    assert group(table) == ["A"] and "differs significantly from every row that could be tested" in words(table)
    assert "seeds of each would tell" not in words(table)
    assert card(table).title == "A" and card(table).verdict == "differs from the other"


def test_a_correction_for_more_rows_can_widen_the_group(row):
    best, second = [97.0, 97.2, 97.1, 97.15], [96.3, 96.9, 96.8, 96.3]
    alone = stats.ttest_rel(best, second).pvalue
    assert 0.05 / 6 < alone < 0.05
    assert group(judged([row("A", best), row("B", second)])) == ["A"]
    others = [row(name, [96.1, 97.0, 95.9, 96.6]) for name in "CDEFG"]
    assert "B" in group(judged([row("A", best), row("B", second), *others]))


def test_rows_with_other_seeds_are_tested_by_welch(row):
    a, b = [97.0, 97.3, 97.2], [96.9, 97.1]
    table = judged([row("A", a), row("B", b, range(5, 7))])
    assert table.rows[1].cells[KEY].sort == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
    assert "Welch" in words(table)


def test_single_seeds_are_compared_image_by_image_as_networks_not_recipes(row):
    first, second = row("A", [98.0], wrong=slice(0, 20)), row("B", [95.0], wrong=slice(15, 65))
    table = judged([first, second])
    assert second.cells[KEY].sort == pytest.approx(stats.binomtest(15, 60).pvalue)  # 45 lost, 15 gained
    assert second.cells[KEY].text.endswith("†") and "not of the recipes" in words(table)
    assert (
        group(table) == ["A"]
        and card(table).verdict == "differs from the other (1 of them compared as single trained networks)"
    )


def test_one_seed_against_three_takes_the_runs_of_a_shared_seed(row):
    many, one = row("A", [98.0, 97.9, 98.1]), row("B", [97.9], range(1, 2), wrong=slice(0, 21))
    predicted = TRUTH.copy()
    predicted[:20] += 1
    many.results[1].answers["predicted"] = predicted
    table = judged([many, one])
    assert one.cells[KEY].sort == 1.0 and group(table) == ["A", "B"]
    assert "can't be estimated: that takes three seeds of both" in words(table)


@pytest.mark.parametrize("change", ["predicted", "labels", "metric"])
def test_without_predictions_on_the_same_images_one_seed_cannot_be_told(row, change):
    first, second = row("A", [98.0], wrong=slice(0, 20)), row("B", [60.0], wrong=slice(0, 400))
    if change == "predicted":
        del second.results[0].answers["predicted"]
    elif change == "labels":
        second.results[0].answers["labels"] = TRUTH[::-1]
    table = judged([first, second], "top1" if change != "metric" else "miou")
    assert [column.key for column in table.columns] == ["top1", "nll"] and not group(table)
    assert words(table).startswith("No row can be told from the first one")
    assert card(table) == ("2 models", "Top-1 60.00 to 98.00 %", "no test can tell them apart")
    for form in (formats.markdown, formats.latex, formats.html):
        assert not re.search(r"\*\*|textbf|\bbest\b", form(table))


def test_a_row_without_a_test_is_in_no_group_and_says_so(row):
    rows = [row("A", [1.0, 1.2, 1.1]), row("B", [1.2, 1.1, 1.3]), row("C", [1.3]), row("D", [9.0, 9.3, 9.1])]
    table = judged(rows, "fid_indomain", "lower")
    assert group(table) == ["A", "B"] and rows[2].cells[KEY].text == "can't be told"
    assert "1 row has no test, and can't be told from it" in words(table) and "lowest mean" in words(table)
    assert "Holm-corrected for 2 tests" in words(table)
    assert card(table) == ("A, B", "Top-1 1.10 to 1.20 %", "no test tells them apart; differs from 1 of 2 others")


def test_the_table_says_how_many_seeds_would_tell_the_first_two_apart(row):
    a, b = [97.8, 97.2, 97.6], [97.3, 97.4, 97.1]
    table = judged([row("A", a), row("B", b)])
    difference = np.subtract(b, a)
    count = seeds_to_tell(difference.mean(), [difference.std(ddof=1)])
    assert f"About {count} seeds of each would tell A from B" in words(table)
    assert "the difference of 0.27 points is real" in words(table)
    close = judged([row("A", [97.8, 97.2, 97.6]), row("B", [97.3, 97.4, 97.89])])
    assert "More than 1,000 seeds of each" in words(close)


def test_rows_without_a_number_are_not_compared(row):
    hole = row("H", [1.0, 2.0])
    hole.cells["top1"] = Cell("1 of 2 seeds", hint="diverged")
    table = judged([row("A", [97.8, 97.5, 97.9]), row("D", [90.0, 90.3, 89.8]), hole])
    assert (hole.cells[KEY].text, hole.cells[KEY].raw) == ("–", {}) and "Holm" not in words(table)
    assert judged([row("A", [97.8, 97.5]), hole]).columns[1].key == "nll"


def test_the_csv_has_the_tests_and_the_groups(results):
    loaded = [r for r in load_results(results, results / "runs.txt") if r.run.model in ("lenet5", "softmax", "mlp")]
    loaded = [r for r in loaded if r.run.dataset == "mnist5k" and r.run.purpose == "benchmark"]
    table = comparison_table(loaded)
    rows = {line["title"]: line for line in csv.DictReader(io.StringIO(formats.raw(table)))}
    assert {title: line[f"{KEY}_group"] for title, line in rows.items()} == {
        "LeNet-5": "best", "LeNet-5 (wide 2)": "not told apart", "Softmax regression": "told apart", "MLP": "",
    }  # fmt: skip
    softmax = table.rows[2].cells
    first, second = (list(table.rows[at].cells["top1"].seeds.values()) for at in (0, 2))
    line = rows["Softmax regression"]
    assert (line[f"{KEY}_test"], line[f"{KEY}_test_n"]) == ("paired t", "3")
    assert float(line[f"{KEY}_p"]) == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert float(line[f"{KEY}_p_holm"]) == pytest.approx(2 * float(line[f"{KEY}_p"])) == softmax[KEY].sort
    assert "**" in formats.markdown(table) and formats.markdown(table).count("**") == 4
    assert formats.latex(table).count(r"\textbf") == 2 == formats.html(table).count("(group of the best)")


def test_figures_tell_the_interval_of_the_test_set_from_that_over_seeds(results):
    loaded = [r for r in load_results(results, results / "runs.txt") if r.run.model == "lenet5" and r.ok]
    table = comparison_table([r for r in loaded if r.run.purpose == "benchmark"])
    cells = {row.label: row.cells["top1"].raw for row in table.rows}
    several, one = sorted(points(table, "parameters"), key=lambda point: -point.seeds)
    assert (several.seeds, one.seeds) == (3, 1)
    assert several.interval == (cells["LeNet-5"]["top1_ci_low"], cells["LeNet-5"]["top1_ci_high"])
    wide = cells["LeNet-5 (wide 2)"]
    assert one.interval == (wide["top1_test_low"], wide["top1_test_high"]) and None not in one.interval


def test_equal_rows_are_rarely_told_from_the_best(row):
    dice, excluded, tables = np.random.default_rng(0), 0, 150
    for _ in range(tables):
        rows = [row(name, list(dice.normal(0, 1, 4))) for name in "ABCDE"]
        rows.sort(key=lambda each: -each.cells["top1"].sort)
        excluded += 5 - len(group(judged(rows)))
    assert excluded / (5 * tables) < 0.05  # any one row, though the reference is the luckiest


def test_each_row_says_how_many_seeds_would_tell_it_from_the_best(row):
    values = {"A": [97.8, 97.5, 97.9], "B": [97.6, 97.7, 97.4], "C": [95.0, 96.8, 97.1], "D": [97.0]}
    table = judged([row(name, each) for name, each in values.items()])
    expected = {}
    for name in "BC":
        differences = np.subtract(values[name], values["A"])
        expected[name] = seeds_to_tell(differences.mean(), [differences.std(ddof=1)])
    found = {each.label: each.cells[SEEDS].sort for each in table.rows}
    assert found == {"A": None, **expected, "D": None}
    assert "Seeds to tell apart" in formats.markdown(table)
    few = judged([row("A", [97.8, 97.5]), row("B", [97.6, 97.7])])
    assert SEEDS not in [column.key for column in few.columns], "two seeds can't tell"
