"""`make bench`: fair contests, ratios that notice a fall, a page that says what was measured."""

import importlib
import re
import subprocess
import sys

import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import measuring, networks, page, teaching
from benchmarks.loop import ROWS
from benchmarks.measuring import Comparison, Curves, Findings, Place, Seconds, compare


def compared(name, *ratios):
    """A comparison with these ratios, a round each."""
    return Comparison(name, [Seconds(1, 1)] * len(ratios), [Seconds(ratio, 2 * ratio) for ratio in ratios])


def test_sides_take_turns_and_each_is_first_as_often():
    turns = []

    def side(name, cpu):
        return lambda: turns.append(name) or Seconds(cpu, 2 * cpu)

    comparison = compare("x", side("ours", 2), side("other", 3), rounds=4)
    assert turns == [
        *("ours", "other"),
        *("other", "ours", "ours", "other", "other", "ours", "ours", "other"),
    ]
    assert comparison.ratios == [1.5] * 4 and comparison.on_the_clock == 1.5


def test_the_ratio_is_the_median_and_its_extremes_are_kept():
    summary = compared("x", 1.0, 9.0, 2.0).summary()
    assert summary == {
        **{"ratio": 2.0, "spread": [1.0, 9.0], "clock": 4.0, "rounds": 3},
        **{"ours": [1.0, 1.0], "other": [1.0, 2.0]},
    }


def test_the_time_of_child_processes_counts():
    work = "n = sum(i * i for i in range(2_000_000))"
    used = measuring.clock(lambda: subprocess.run([sys.executable, "-c", work], check=True))
    assert used.cpu > measuring.clock(lambda: subprocess.run([sys.executable, "-c", ""], check=True)).cpu + 0.03


@pytest.fixture
def place(tmp_path, digits, scenes, monkeypatch):
    folders = {"mnist5k": digits, "digit_scenes": scenes}
    monkeypatch.setattr(Place, "data", lambda self, name: folders[name])
    return Place(tmp_path, quick=True)


@pytest.mark.parametrize("title", ROWS)
def test_both_sides_of_the_loop_take_the_same_steps(title, place, monkeypatch):
    """Plain torch must learn what the task learns, or the ratio compares different work."""
    row, *_ = ROWS[title]
    contest = networks.Contest(place, row, 2, 2 * networks.describe(row).recipe.batch_size)
    assert contest.steps == 4
    batch = contest.train.take(contest.train.order[: contest.task.batch_size])
    ours, other = contest.build(), contest.build()
    other.networks.train()
    for number in range(2):
        torch.manual_seed(number)
        ours.learn(batch)
        torch.manual_seed(number)
        networks.STEPS[contest.run.task](other.networks, other.optimizers, batch)
    for name, value in ours.networks.state_dict().items():
        torch.testing.assert_close(other.networks.state_dict()[name], value, rtol=1e-3, atol=1e-5, msg=name)
    taken = []
    kind = contest.run.task
    step = networks.STEPS[kind]
    monkeypatch.setitem(networks.STEPS, kind, lambda *words: taken.append(step(*words)))
    contest.bare()()
    assert len(taken) == contest.steps


def test_the_loop_trains_all_its_steps_each_time(place, monkeypatch):
    contest = networks.Contest(place, ROWS["MLP"][0], 2, 128)
    taken, learn = [], type(contest.task).learn
    monkeypatch.setattr(type(contest.task), "learn", lambda self, batch: taken.append(1) or learn(self, batch))
    contest.loop(), contest.loop()
    assert len(taken) == 2 * contest.steps == 8


MACHINE = {"cpu": "a processor", "cores": 2, "system": "Linux", "packages": {"torch": "2"}}
MOMENT = {"date": "2026-01-01", "revision": "abc", "load": 0.5}


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """Ratios of an earlier measurement on the same machine, in a folder of their own."""
    for name, ending in (("JSON", "json"), ("PAGE", "md"), ("DRAWING", "svg")):
        monkeypatch.setattr(page, name, tmp_path / f"benchmarks.{ending}")
    monkeypatch.setattr(bench, "settle", lambda: None)
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE)
    monkeypatch.setattr(bench, "describe_moment", lambda: MOMENT)
    loops = Findings("bare loop", [compared("loop: MLP", 1.0), compared("loop: VAE", 2.0)])
    keras = Findings("Keras", skipped="There is no Keras.")
    parts = {"loop": page.part(loops, MOMENT), "keras": page.part(keras, MOMENT)}
    page.write({"machine": MACHINE, "benchmarks": parts}, bench.texts())
    return tmp_path


def answers(monkeypatch, *rounds):
    """Let each measurement find the next comparisons, at last always the same; returns what was asked for."""
    left, asked = list(rounds), []

    def run(name, quick):
        asked.append((name, quick))
        return Findings("bare loop", left.pop(0) if len(left) > 1 else left[0])

    monkeypatch.setattr(bench, "run", run)
    return asked


def test_a_ratio_that_has_fallen_by_more_than_a_fifth_fails_in_a_sentence(committed, monkeypatch, capsys):
    asked = answers(monkeypatch, [compared("loop: MLP", 0.79), compared("loop: VAE", 1.61), compared("new", 0.1)])
    assert bench.main(["--quick", "--only", "loop"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("loop: MLP: the ratio to the bare loop has fallen from 1.00 to 0.79; find what")
    assert error.count("\n") == 1 and asked == [("loop", True)] * 2


def test_what_has_not_fallen_the_second_time_passes(committed, monkeypatch, capsys):
    asked = answers(monkeypatch, [compared("loop: MLP", 0.5)], [compared("loop: MLP", 0.81)])
    assert bench.main(["--quick", "--only", "loop"]) == 0
    assert asked == [("loop", True)] * 2
    said = capsys.readouterr()
    assert said.out == "None of 1 ratios is more than a fifth below that of docs/benchmarks.json.\n"
    assert "another machine" not in said.err
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE | {"cores": 64})
    bench.main(["--quick", "--only", "loop"])
    assert "is of another machine" in capsys.readouterr().err


def test_one_benchmark_renews_its_part_of_the_page(committed, monkeypatch, capsys):
    answers(monkeypatch, [compared("loop: MLP", 0.5)])
    assert bench.main(["--only", "loop"]) == 0
    line = "| MLP | 1, 1 | 0.5, 0.5 | **0.50** | one round | 1.00 |"
    assert line in capsys.readouterr().out and line in page.PAGE.read_text()
    assert page.ratios(page.committed()) == {"loop: MLP": 0.5} and "There is no Keras." in page.PAGE.read_text()


def test_one_benchmark_on_another_machine_writes_nothing(committed, monkeypatch, capsys):
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE | {"cores": 64})
    before = page.PAGE.read_bytes(), page.JSON.read_bytes()
    answers(monkeypatch, [compared("loop: MLP", 0.5)])
    assert bench.main(["--only", "loop"]) == 0
    assert "is of another machine" in capsys.readouterr().out
    assert (page.PAGE.read_bytes(), page.JSON.read_bytes()) == before
    assert bench.main([]) == 0
    assert set(page.committed()["benchmarks"]) == set(bench.BENCHES) and page.committed()["machine"]["cores"] == 64


def test_the_page_has_tables_curves_and_reasons(committed):
    found = Findings("bare loop", [compared("loop: MLP", 1.0, 1.5)])
    curves = Findings(curves=[Curves("Width", "channels", "seconds", {"DCGAN": {8: 1.0, 16: 2.0}})])
    parts = {"loop": page.part(found, MOMENT), "cost": page.part(curves, MOMENT)}
    page.write({"machine": MACHINE, "benchmarks": parts}, {"loop": "Loops.", "cost": "Costs.", "input": "Input."})
    text = page.PAGE.read_text()
    assert "| MLP | 1, 1 | 1, 1.25 | **1.25** | 1.00 to 1.50 | 2.50 |" in text and "a processor, 2 cores" in text
    assert all(word in text for word in ("Loops.", "Costs.", "![Width]", "revision abc", "0.5 processes"))
    assert "Input.\n\nNot measured yet: `make bench ONLY=input`." in text
    assert all(word in page.DRAWING.read_text() for word in ("Width", "DCGAN", "channels", "seconds"))


def test_the_committed_page_is_that_of_its_numbers():
    content = page.committed()
    assert page.PAGE.read_text() == page.render(content, bench.texts()), "run make docs"
    assert set(content["benchmarks"]) <= set(bench.BENCHES)
    for name, kept in content["benchmarks"].items():
        assert kept["comparisons"] or kept["curves"] or kept["skipped"], name
        assert all(curves["title"] in page.DRAWING.read_text() for curves in kept["curves"])
    assert all(path.stat().st_size < 200_000 for path in (page.JSON, page.PAGE, page.DRAWING))


def test_every_benchmark_can_be_measured_and_explains_itself():
    for module in map(importlib.import_module, bench.BENCHES.values()):
        assert callable(module.measure) and re.match(r".+[.]\n\n?\S|.+:\n", module.__doc__ + "\n")


def test_keras_is_left_out_with_a_word(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS", raising=False)
    monkeypatch.setenv("NETS_OFFLINE", "1")
    assert "NETS_OFFLINE=1 forbids downloads" in teaching.measure(Place(tmp_path)).skipped
    monkeypatch.delenv("NETS_OFFLINE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ended = subprocess.CompletedProcess([], 1, "", "ERROR: first\nERROR: No matching distribution")
    monkeypatch.setattr(teaching.subprocess, "run", lambda *words, **options: ended)
    assert teaching.measure(Place(tmp_path)).skipped.endswith("can't be installed: ERROR: No matching distribution")
