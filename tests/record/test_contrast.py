"""What changed between two results is named, tested over seeds, and counted."""

import csv
import json
import re
import shutil

import pytest
from scipy.stats import ttest_rel

from nets.jobs import changed as job
from nets.record.contrast import COST, HEADLINE, NUMBER, OPEN, SAME, UNTESTED, WORSE, contrast
from nets.record.contrast_page import page, table
from tests.record.conftest import NAME, changed

OTHER = NAME.replace("s0", "s1")


@pytest.fixture
def two(suite, measured):
    """The suite as it was measured, and a copy for a test to change."""
    return measured, suite


def shift(folder, metric: str, change) -> None:
    for name, by in change.items():
        path = folder / f"runs/{name}/metrics.json"
        content = json.loads(path.read_text())
        for each in content["metrics"]:
            each["value"] += by if each["metric"] == metric else 0
        path.write_text(json.dumps(content))


def said(first, second, tmp_path, capsys, *words) -> tuple[int, str, str]:
    status = job.main(["--first", str(first), "--second", str(second), "--output", str(tmp_path / "out"), *words])
    return status, *capsys.readouterr()


def test_a_copy_has_not_changed(two, tmp_path, capsys):
    status, out, _ = said(*two, tmp_path, capsys, "--strict")
    assert status == 0 and "headlines of rows: 1 same." in out
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert {row["verdict"] for row in rows} == {SAME} and {row["kind"] for row in rows} == {HEADLINE, NUMBER, COST}
    top1 = next(row for row in rows if row["name"] == "test/top1_best")
    numbers = [json.loads((two[0] / f"runs/{name}/metrics.json").read_text())["metrics"] for name in (NAME, OTHER)]
    values = [next(each["value"] for each in each_run if each["metric"] == "top1_best") for each_run in numbers]
    assert float(top1["a_mean"]) == pytest.approx(sum(values) / 2) and top1["a_n"] == top1["b_n"] == "2"


def test_a_clear_loss_is_worse_and_counts_in_strict(two, tmp_path, capsys):
    shift(two[1], "top1_best", {NAME: -5.0, OTHER: -5.1})
    found = contrast(*two)
    (headline,) = found.of(HEADLINE)
    before, after = list(headline.first.values.values()), list(headline.second.values.values())
    assert headline.verdict == WORSE and headline.p == pytest.approx(ttest_rel(after, before).pvalue)
    status, out, err = said(*two, tmp_path, capsys, "--strict")
    assert status == 1 and "worse: Softmax regression" in out and "paired t, 2 seeds" in out
    assert "1 got worse; the lines above name them." in err
    assert said(*two, tmp_path, capsys)[0] == 0, "without --strict, it is only told"
    text = (tmp_path / "out.html").read_text()
    assert 'class="text worse">worse' in text and "http" not in text.replace("http-equiv", "")


def test_luck_is_not_told_apart(two, tmp_path, capsys):
    shift(two[1], "top1_best", {NAME: -5.0, OTHER: 4.0})
    (headline,) = contrast(*two).of(HEADLINE)
    assert headline.verdict == OPEN and headline.p > 0.05
    assert said(*two, tmp_path, capsys, "--strict")[0] == 0


def test_holm_counts_the_tests_of_a_family(two):
    shift(two[1], "nll", {NAME: 0.5, OTHER: 0.5001})
    shift(two[1], "ece", {NAME: 1.0, OTHER: 1.2})
    tested = [each for each in contrast(*two).of(NUMBER) if each.difference]
    assert len(tested) == 2
    smallest, largest = sorted(tested, key=lambda each: each.difference.p)
    assert smallest.p == pytest.approx(2 * smallest.difference.p)
    assert largest.p == pytest.approx(max(largest.difference.p, smallest.p))
    assert all(each.verdict == SAME for each in contrast(*two).of(HEADLINE)), "the headline has a family of its own"


def test_one_seed_is_judged_by_its_images_or_by_the_tolerance(two):
    for folder in two:
        folder = folder if folder == two[1] else two[1].parent / "first"
        if not folder.exists():
            shutil.copytree(two[0], folder)
        (folder / "runs.txt").write_text(f"{NAME}\n")
    first = two[1].parent / "first"
    shift(two[1], "top1_best", {NAME: -0.1})
    shift(two[1], "nll", {NAME: 5.0})
    shift(two[1], "ece", {NAME: 1e-9})
    found = {change.name: change for change in contrast(first, two[1]).changes}
    assert found["test/top1_best"].difference.test == "McNemar"
    assert found["test/nll"].verdict == WORSE and "beyond the tolerance" in found["test/nll"].words
    assert found["test/ece"].verdict == UNTESTED and "within the tolerance" in found["test/ece"].words


def test_a_lost_result_is_worse(two, tmp_path, capsys):
    changed(two[1] / f"runs/{OTHER}/metrics.json", lambda c: c.update(status="failed", reason="It failed.", metrics=[]))
    status, out, _ = said(*two, tmp_path, capsys, "--strict")
    assert status == 1 and "s1 has no result any more (failed: It failed)" in out
    (headline,) = contrast(*two).of(HEADLINE)
    assert headline.verdict == UNTESTED and headline.second.mean is None
    back = contrast(two[1], two[0])
    assert back.worse == []


def test_rows_seeds_descriptions_and_machines_are_compared(two, tmp_path, capsys):
    changed(two[1] / f"runs/{NAME}/manifest.json", lambda c: c["hardware"].update(cpu="Another CPU"))
    changed(two[1] / f"runs/{NAME}/config.json", lambda c: c["recipe"]["optimizer"].update(lr=0.7))
    (two[1] / "runs.txt").write_text(f"{NAME}\n")
    out = said(*two, tmp_path, capsys)[1]
    assert "seeds were 0, 1 and are 0" in out and re.search(r"optimizer\.lr was [\d.]+ and is 0\.7", out)
    assert 'differs: hardware: hardware.cpu was "' in out
    costs = {change.name: change for change in contrast(*two).of(COST)}
    assert costs["parameters"].verdict == SAME
    assert costs["seconds"].difference is None, "times of two machines are not tested"


def test_a_slower_network_is_told_and_does_not_count_as_worse(two, tmp_path, capsys):
    for name, factor in {NAME: 10.0, OTHER: 10.1}.items():
        for folder, times in zip(two, (1.0, factor), strict=True):
            if folder == two[1]:
                changed(
                    folder / f"runs/{name}/manifest.json", lambda c, t=times: c.update(seconds=c["seconds"] * t + 9)
                )
    seconds = next(change for change in contrast(*two).of(COST) if change.name == "seconds")
    assert seconds.difference is not None and seconds.value > 0
    assert said(*two, tmp_path, capsys, "--strict")[0] == 0


def test_what_is_no_result_is_told(two, tmp_path, capsys):
    status, _, err = said(two[0], tmp_path / "nowhere", tmp_path, capsys)
    assert status == 1 and "has no results of a suite" in err


def test_names_are_escaped_in_the_page(two):
    changed(two[1] / f"runs/{NAME}/config.json", lambda c: c.update(title="<script>alert(1)</script>"))
    text = page(contrast(*two))
    assert "<script>" not in text
    assert table(contrast(*two)).startswith("task,dataset,model,variant,kind,name,")
