"""What a terminal shows of a suite: its first result, and the best rows of each table."""

import json

from nets.jobs import evaluate, summary
from nets.reporting import brief

COLUMNS = [{"key": "top1", "label": "Top-1", "unit": "%", "headline": True, "unusable": ""}]


def row(label, run, text, interval=""):
    sort = float(text) if text else None
    return {"label": label, "runs": [run], "cells": {"top1": {"text": text or "–", "sort": sort, "interval": interval}}}


def suite(folder, rows, holes=0, columns=COLUMNS):
    """A folder of results whose only table has these rows."""
    (folder / "tables").mkdir(parents=True)
    about = {"table": "classification-x", "title": "Classification on X on Y", "holes": holes}
    (folder / "tables/overview.json").write_text(json.dumps({"tables": [about]}))
    (folder / "tables/classification-x.json").write_text(json.dumps({"columns": columns, "rows": rows}))
    (folder / "runs.txt").write_text("")
    return folder


def test_the_best_rows_of_each_table_are_shown(tmp_path, capsys):
    rows = [
        row("LeNet-5 (20 epochs)", "lenet5-x-s0", "97.80", "± 0.99"),
        row("MLP (20 epochs; wide 2)", "mlp-x-wide_2-s0", "95.1"),
        row("CNN", "cnn-x-s0", "95.0"),
        row("VGG", "vgg-x-s0", "90"),
        row("AlexNet", "alexnet-x-s0", ""),
    ]
    assert summary.main(["--results", str(suite(tmp_path / "quick", rows, holes=1))]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  task            data set  model             result",
        "  Classification  X on Y    LeNet-5           Top-1 97.80 ± 0.99 %",
        "                            MLP (wide 2)      Top-1 95.1 %",
        "                            CNN               Top-1 95.0 %",
        "                            (2 more, 1 hole)",
        f"The report: {tmp_path}/quick/report.html",
    ]


def test_a_table_of_holes_and_one_that_ranks_nothing_say_so(tmp_path):
    holes = suite(tmp_path / "holes", [row("CNN", "cnn-x-s0", "")], 2, [COLUMNS[0] | {"headline": False}])
    assert "(2 holes, no result)" in brief.best(holes / "tables")
    noise = suite(tmp_path / "noise", [row("CNN", "cnn-x-s0", "50")], 0, [COLUMNS[0] | {"unusable": "noise"}])
    assert brief.best(noise / "tables").endswith("Top-1 50 % (unusable)")
    assert brief.best(tmp_path) == ""  # nothing was compared


def test_the_first_result_is_a_table_of_one_row(digits, extractor_run, tmp_path, capsys):
    def measured(name):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        for file in extractor_run.parent.iterdir():
            if file.is_file() and file.name != "metrics.json":
                (folder / file.name).write_bytes(file.read_bytes())
        capsys.readouterr()
        assert evaluate.main(["--run-dir", str(folder), "--data-dir", str(digits)]) == 0
        return capsys.readouterr().out.splitlines()

    head, names, values = measured("one")
    assert head == "The first result:" and names.split() == ["task", "data", "set", "model", "result"]
    assert values.startswith("  Classification  ") and " Top-1 " in values
    (line,) = measured("two")
    assert line.startswith("lenet5-mnist5k")
