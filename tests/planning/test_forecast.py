"""Forecasts come from earlier runs, else from measured steps; budgets choose one seed of each row before the second."""

import json
from pathlib import Path

import pytest

from nets.errors import UserError
from nets.files import write_json
from nets.jobs import plan
from nets.planning import budget, paces, words
from nets.planning import plan as planning
from nets.planning.earlier import Machine, costs_of, from_pace
from nets.planning.forecast import forecast, kinds_of
from nets.planning.work import is_ours, pace_key
from nets.run import Run
from nets.suite.expansion import load_runs
from nets.suite.keys import MADE_OF, run_source
from tests.planning.conftest import MACHINE

TUNED = "model.width=0.125 options.pretrained=vgg16-mnist5k_0to4 options.transfer=fine_tuning"
SPENT = {
    "train": {"seconds": 12.0, "cpu_seconds": 6.0, "peak_memory_mb": 500.0},
    "evaluate": {"seconds": 4.0, "cpu_seconds": 2.0, "peak_memory_mb": 450.0},
    "draw": {"seconds": 2.0, "cpu_seconds": 1.0, "peak_memory_mb": 300.0},
}


def planned(runs, results="results/my", costs=None, paces=None, slots=2, **more):
    keys, _ = kinds_of(runs)
    return forecast(runs, keys, results, costs or {}, paces or {}, slots, slots, **more)


def test_rates_and_epochs_change_no_pace_and_other_things_do(table):
    rows = (
        "lenet5 mnist5k  lenet5 0-1 ",
        "lenet5 mnist5k a lenet5 0 optimizer.lr=0.1",
        "lenet5 mnist5k b lenet5 0 epochs=3",
    )
    same = table(*rows)
    assert len({pace_key(run) for run in same}) == 1
    others = table(
        "lenet5 mnist5k  lenet5 0 ",
        "lenet5 mnist5k a lenet5 0 batch_size=32",
        "lenet5 mnist5k b lenet5 0 optimizer.name=adam",
        "lenet5 mnist  lenet5 0 ",
        "mlp mnist5k  mlp 0 ",
        "softmax mnist5k  softmax 0 ",
    )
    assert len({pace_key(run) for run in others}) == 6


def test_an_earlier_run_tells_the_cost_of_longer_ones(table, left):
    (run,) = table("lenet5 mnist5k  lenet5 0 epochs=10")
    left("results/other", run, seconds=10.0, epochs=10, costs=SPENT)
    (longer,) = table("lenet5 mnist5k x lenet5 3 epochs=40")
    costs = costs_of(Path("results"), MACHINE, {})
    cost = costs[pace_key(longer)]
    # On a CPU, what counts is the time of the process: half of the clock's, of which 10 s were epochs and 2 s were not.
    assert cost.epoch == pytest.approx(0.5) and cost.start == pytest.approx(1.0)
    assert cost.train(longer) == pytest.approx(21.0)
    assert (cost.evaluate, cost.draw, cost.memory) == (2.0, 1.0, 500.0)
    assert cost.size == sum(path.stat().st_size for path in Path("results/other").rglob("*") if path.is_file())


def test_while_a_suite_runs_the_clock_counts(table, left):
    (run,) = table("lenet5 mnist5k  lenet5 0 epochs=10")
    left("results/other", run, seconds=10.0, epochs=10, costs=SPENT)
    cost = costs_of(Path("results"), MACHINE, {}, clock=True)[pace_key(run)]
    assert cost.train(run) == pytest.approx(12.0) and cost.evaluate == 4.0


def test_runs_of_another_machine_and_holes_tell_nothing(table, left):
    (run,) = table("lenet5 mnist5k  lenet5 0 ")
    for name, more in {
        "a": {"hardware": {"cpu": "Another", "gpu": None}},
        "b": {"status": "diverged"},
        "c": {"threads": 4},
        "d": {"device": "cuda"},
    }.items():
        left(f"results/{name}", run, 10.0, 10, **more)
    assert costs_of(Path("results"), MACHINE, {}) == {}
    gpu = Machine("A CPU", "H100", 1)
    left("results/e", run, 10.0, 10, device="cuda", hardware={"cpu": "A CPU", "gpu": "H100"})
    assert costs_of(Path("results"), gpu, {})[pace_key(run)].epoch == 1.0


def test_measured_steps_tell_the_cost(table):
    (run,) = table("lenet5 mnist5k  lenet5 0 epochs=2")
    pace = {"device": "cpu", "batch": 64, "measured": 2, "parameters": 1000, "start": 0.25, "step": 0.01}
    pace |= {"validate": 0.001, "evaluate": 0.002, "peak_memory_mb": 300.0}
    cost = from_pace(run, pace)
    assert cost.train(run) == pytest.approx(0.75 + 2 * (54 * 0.01 + 500 * 0.001))  # 3,500 images, batches of 64
    assert cost.evaluate == pytest.approx(0.5 + 1000 * 0.002 * 2)
    whole = planned([run], paces={pace_key(run): pace})
    assert "measured steps (1)" in "\n".join(words.lines(whole))


def test_what_nobody_knows_is_guessed_from_similar_runs_and_said(table, left):
    known, other = table("lenet5 mnist5k  lenet5 0 epochs=10", "mlp mnist5k  mlp 0 epochs=4")
    left("results/my", known, 10.0, 10, SPENT)
    whole = planned([known, other], costs=costs_of(Path("results"), MACHINE, {}))
    assert whole.costs[other.name].epoch == whole.costs[known.name].epoch
    assert f"{other.name:50}    4 epochs  mlp                      6 s (a guess)" in list(words.lines(whole))
    assert "guesses from similar runs (1)" in list(words.lines(whole))[-1]


def finished(results: str, run: Run, left) -> None:
    folder = left(results, run, 10.0, 10, SPENT)
    for name in ("history.csv", "model.safetensors", "snapshots.npz", "arrays.npz"):
        (folder / name).touch()
    (folder / "metrics.json").write_text('{"status": "ok"}')
    (folder / "figures").mkdir()
    made = {stage: {"source": run_source(stage, run).files} for stage in ("train", "evaluate")}
    made["train"]["description"] = run.digest
    write_json(folder / MADE_OF, made)


def test_what_is_done_is_not_done_again(table, left):
    first, second = table("lenet5 mnist5k  lenet5 0-1 epochs=10")
    finished("results/my", first, left)
    whole = planned([first, second], costs=costs_of(Path("results"), MACHINE, {}))
    assert [run.name for run in whole.open] == [second.name]
    assert words.beginning(whole).startswith("1 run is done; 1 run to do: 9 s of work, about ")
    finished("results/my", second, left)
    assert words.beginning(planned([first, second])) == "All 2 runs are done."
    # Edited since: other code made it.
    note = Path("results/my/runs", first.name, MADE_OF)
    made = json.loads(note.read_text())
    made["evaluate"]["source"]["nets/evaluation.py"] = "00"
    note.write_text(json.dumps(made))
    whole = planned([first, second])
    assert whole.done[first.name] == {"train"} and [run.name for run in whole.open] == [first.name]


def test_jobs_wait_as_the_rules_make_them(table, left):
    runs = table(
        "vgg16 mnist5k_0to4  few_labels 0 model.width=0.125 epochs=2",
        "vgg16 mnist5k_5to9 f few_labels 0 " + TUNED,
        "dcgan mnist5k  dcgan 0 model.width=4 options.samples=100",
    )
    ends = planned(runs, slots=8).end.ends
    start, tuned, generator = (run.name for run in runs[:3])
    assert ends[f"train {start}"] < ends[f"train {tuned}"]
    assert ends["train lenet5-mnist5k-extractor-s0"] < ends[f"train {generator}"]
    assert (
        ends["train lenet5-mnist5k-extractor-s0"] < ends["reference mnist5k-indomain"] < ends[f"evaluate {generator}"]
    )
    assert ends["prepare mnist5k"] < ends["train lenet5-mnist5k-extractor-s0"]
    assert max(ends, key=ends.get) in ("report", "track") and ends["compare"] < ends["report"]


@pytest.mark.parametrize(
    "text, seconds", [("2h", 7200), ("90min", 5400), ("1h30min", 5400), ("45 s", 45), ("1.5h", 5400), ("10m", 600)]
)
def test_a_budget_is_a_time(text, seconds):
    assert budget.parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "2 hours", "0h", "1h 5", "9" * 400])
def test_what_is_no_time_is_told(text):
    with pytest.raises(UserError, match="write a time such as 2h"):
        budget.parse_budget(text)


def test_a_budget_takes_one_seed_of_each_row_before_the_second(table, left, capsys):
    rows = "lenet5 mnist5k  lenet5 0-2 epochs=10", "mlp mnist5k  mlp 0-2 epochs=10", "cnn mnist5k  cnn 0-2 epochs=400"
    runs = table(*rows)
    for run in (runs[0], runs[3]):
        left("results/old", run, 10.0, 10, SPENT)
    left("results/old", runs[6], 40.0, 10, SPENT)
    whole = planned(runs, costs=costs_of(Path("results"), MACHINE, {}), slots=1)
    chosen = budget.choose(whole, "results/my", 70.0, 1, 1)
    names = [run.name for run in chosen.runs]
    assert names[:1] == ["lenet5-mnist5k-s0"] and "mlp-mnist5k-s0" in names and "cnn-mnist5k-s0" not in names
    taken = {row: sum(name.startswith(row) for name in names) for row in ("lenet5", "mlp")}
    assert abs(taken["lenet5"] - taken["mlp"]) <= 1 and sum(taken.values()) >= 4
    assert chosen.seconds <= 70.0
    written = budget.write_table(Path("my.tsv"), chosen, "results/my")
    assert {run.digest for run in load_runs(written)} == {run.digest for run in chosen.runs}
    assert written.stem == "my", "its results go to the same folder"
    with pytest.raises(UserError, match="No run fits the budget: the shortest takes 9 s"):
        budget.choose(whole, "results/my", 2.0, 1, 1)


def test_a_run_that_starts_from_another_brings_it_along(table):
    runs = table(
        "vgg16 mnist5k_0to4  few_labels 0-1 model.width=0.125 epochs=400",
        "vgg16 mnist5k_5to9 f few_labels 0-1 " + TUNED,
    )
    whole = planned(runs, slots=1)
    both = {run.name: run for run in runs}
    assert [run.name for run in budget.needed(runs[-1], both)] == ["vgg16-mnist5k_0to4-s1", "vgg16-mnist5k_5to9-f-s1"]
    for limit in (1e9, whole.end.seconds - 1, 0.6 * whole.end.seconds):
        chosen = budget.choose(whole, "results/my", limit, 1, 1)
        names = {run.name for run in chosen.runs}
        assert all(run.pretrained is None or run.pretrained["name"] in names for run in chosen.runs)
        written = budget.write_table(Path("my.tsv"), chosen, "results/my")
        assert {run.digest for run in load_runs(written)} == {run.digest for run in chosen.runs}


def test_a_table_with_catalogues_of_its_own_keeps_them(table):
    Path("models.yaml").write_text(
        "mine: {title: Mine, task: classification, citation: none, "
        "networks: {classifier: {class: torchvision.models.SqueezeNet}}}\n"
    )
    runs = table("mine mnist5k  short 0-1 epochs=2")
    whole = planned(runs, slots=1)
    written = budget.write_table(Path("my.tsv"), budget.choose(whole, "results/my", 1e6, 1, 1), "results/my")
    assert written.with_name("models.yaml").read_text() == Path("models.yaml").read_text()
    with pytest.raises(UserError, match="is the table of a budget already"):
        budget.write_table(written, budget.choose(whole, "results/my", 1e6, 1, 1), "results/my")


def test_steps_are_measured_once_and_bounded(table, capfd):
    runs = table("softmax mnist5k  softmax 0-1 epochs=2", "mlp mnist5k  mlp 0 epochs=2")
    whole = planning.plan(runs, "results/my", seconds=60)
    kept = sorted(Path("cache/nets/paces").rglob("*.json"))
    assert len(kept) == 2 and "measured steps (3)" in "\n".join(words.lines(whole))
    content = [json.loads(path.read_text()) for path in kept]
    assert all(each["step"] > 0 and each["peak_memory_mb"] > 50 for each in content)
    assert {each["parameters"] for each in content} == {7850, 266610}
    times = [path.stat().st_mtime_ns for path in kept]
    planning.plan(runs, "results/my", seconds=60)
    assert [path.stat().st_mtime_ns for path in kept] == times
    table("cnn mnist5k  cnn 0 ", name="cnn.tsv")
    assert plan.main(["--table", "cnn.tsv", "--seconds", "0"]) == 0
    assert len(list(Path("cache").rglob("*.json"))) == 2


def test_networks_of_the_user_are_not_run_unless_asked(table, monkeypatch):
    Path("models.yaml").write_text(
        "mine: {title: Mine, task: classification, citation: none, networks: {classifier: {class: my_nets.Net}}}\n"
    )
    Path("my_nets.py").write_text("class Net: pass\n")
    monkeypatch.syspath_prepend(".")
    (run,) = table("mine mnist5k  short 0 epochs=2")
    _, kinds = kinds_of([run])
    assert not is_ours(run) and paces.missing(kinds, set(), own=False) == []
    assert paces.missing(kinds, set(), own=True) == [run]


def test_missing_files_are_listed(table):
    (run,) = table("lenet5 cifar10  lenet5 0 ")
    text = "\n".join(words.lines(planned([run])))
    assert "cifar10: downloaded, unless its files are on this machine" in text
    write_json(Path("results/data/cifar10/dataset.json"), {"status": "no_data", "reason": "CIFAR-10 is not here."})
    assert "cifar10: CIFAR-10 is not here." in "\n".join(words.lines(planned([run])))
