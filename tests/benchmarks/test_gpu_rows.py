"""The rows for a GPU, on the CPU: packs lose nothing, rows are skipped, stopped and continued, everything runs."""

import dataclasses
import json
import lzma
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from benchmarks.gpu import pack, rows
from nets.data.loaded import Loaded, Part
from nets.data.prepared import open_split, read_info
from nets.errors import DataError
from nets.run import Run
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.starts import row_name
from tests.benchmarks.test_gpu_checks import START

CPU = torch.device("cpu")
RUNS = load_runs(rows.TABLE)


def some(name):
    """A small version of a run of the table, by its row."""
    return rows.small(next(run for run in RUNS if row_name(run) == name))


@pytest.fixture
def place(tmp_path):
    """A place with five minutes left."""
    return rows.Place(tmp_path / "none", tmp_path / "out", CPU, time.monotonic() + 300, True)


# Packs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 5, 7)])
def test_differences_are_undone_exactly(shape):
    dice = np.random.RandomState(0)
    smooth = np.cumsum(dice.randint(-3, 4, (20, *shape)), axis=-1) % 256
    for images in (smooth.astype(np.uint8), dice.randint(0, 256, (20, *shape), np.uint8)):
        np.testing.assert_array_equal(pack.images_of(pack.differences(images)), images)


def test_what_is_stored_is_the_difference_from_the_guess_of_jpeg_ls():
    image = np.random.RandomState(0).randint(0, 256, (7, 6), np.uint8)
    found = pack.differences(image[None, None])[0, 0]
    for y in range(1, 7):
        for x in range(1, 6):
            left, above, corner = (int(v) for v in (image[y, x - 1], image[y - 1, x], image[y - 1, x - 1]))
            if corner >= max(left, above):
                guess = min(left, above)
            else:
                guess = max(left, above) if corner <= min(left, above) else left + above - corner
            assert found[y, x] == (int(image[y, x]) - guess) % 256


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A pack of several files of at most 20 KiB, with its entry and what was packed."""
    monkeypatch.setattr(pack, "TOGETHER", 3)
    run = some("resnet18-cifar100-one_cycle")
    loaded = dataclasses.replace(rows.invented(run), canonical=True, kind="class_folder")
    files = pack.write("cifar100", run.data, loaded, tmp_path / "packs", largest=20 << 10)
    assert len(files) > 3 and max(path.stat().st_size for path in files[1:]) <= 20 << 10
    return tmp_path / "packs", run.data, loaded


def test_a_pack_is_read_as_it_was_written(packed):
    folder, entry, loaded = packed
    found = pack.read(entry, {"path": str(pack.find(folder, entry))}, folder)
    assert (found.canonical, found.kind, found.sha256) == (True, "class_folder", loaded.sha256)
    for mine, theirs in ((found.learning, loaded.learning), (found.test, loaded.test)):
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        np.testing.assert_array_equal(*(np.concatenate(list(part.chunks())) for part in (mine, theirs)))
    assert pack.find(folder, entry | {"sources": []}) is None


def test_a_damaged_pack_is_refused(packed):
    folder, entry, _ = packed
    path = folder / "cifar100-2.pack"
    content = path.read_bytes()
    source = {"path": str(folder / "cifar100.json")}
    path.write_bytes(content[:-500])
    with pytest.raises(DataError, match=r"can't be unpacked .*; copy it and its .pack files again"):
        pack.read(entry, source, folder)
    path.write_bytes(content)
    described = json.loads((folder / "cifar100.json").read_text())
    described["labels"]["test"].reverse()
    (folder / "cifar100.json").write_text(json.dumps(described))
    with pytest.raises(DataError, match="its images are not those that were packed"):
        pack.read(entry, source, folder)


def test_a_missing_source_is_said_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NETS_DATA", str(tmp_path))
    monkeypatch.setenv("NETS_OFFLINE", "1")
    with pytest.raises(SystemExit, match="CIFAR-10 is not here"):
        pack.main(["cifar10", "--out", str(tmp_path / "packs")])


def test_real_images_take_less_than_two_files_of_the_limit(digits):
    images = open_split(digits, "train").images[:500]
    size = len(lzma.compress(pack.differences(images).tobytes(), lzma.FORMAT_XZ, filters=pack.FILTERS))
    assert size < images.size / 3


# Rows -------------------------------------------------------------------------------------------


def test_each_row_has_its_minutes():
    assert list(rows.minutes_of()) == list(dict.fromkeys(row_name(run) for run in RUNS if run.purpose == "benchmark"))


def test_the_first_seed_of_every_row_comes_first():
    order = rows.ordered(RUNS)
    count = len(rows.minutes_of())
    assert [row_name(run) for run in order[:count]] == list(rows.minutes_of())
    assert {run.seed for run in order[:count]} == {0} and {run.seed for run in order[count : count + 5]} == {1}
    assert len(order) == len([run for run in RUNS if run.purpose == "benchmark"])


def test_the_record_is_searched_for_the_same_description(tmp_path):
    run, other = RUNS[:2]
    assert not rows.in_record(run, tmp_path / "missing")
    (tmp_path / "gpu").mkdir()
    for name, content in (
        ("a.json", json.dumps({"run": run.name, "description": json.loads(run.to_json())})),
        ("b.json", "[]"),
        ("c.json", "no JSON"),
    ):
        (tmp_path / "gpu" / name).write_text(content)
    assert rows.in_record(run, tmp_path) and not rows.in_record(other, tmp_path)


def test_rows_that_are_recorded_or_too_long_are_skipped_and_the_rest_of_the_time_is_used(place, monkeypatch):
    begun = []
    monkeypatch.setattr(rows, "attempt", lambda place, run, judges: begun.append(run.name) or {"run": run.name})
    monkeypatch.setattr(rows, "in_record", lambda run: row_name(run) == "speedrun-cifar10_50k")
    monkeypatch.setattr(
        rows, "minutes_of", lambda: {**dict.fromkeys(map(row_name, RUNS), 99), "vgg16_bn-cifar10-one_cycle": 1}
    )
    real = dataclasses.replace(place, pretend=False)
    lines = list(rows.run_rows(real, RUNS))
    assert begun == [*(f"vgg16_bn-cifar10-one_cycle-s{seed}" for seed in range(3)), "resnet20-cifar10-s0"]
    assert [line["status"] for line in lines if line["run"].startswith("speedrun")] == ["in the record"] * 5
    late = dataclasses.replace(real, end=time.monotonic() - 1)
    assert list(rows.run_rows(late, RUNS)) == []


def test_a_row_is_stopped_in_time_and_goes_on_from_its_checkpoint_to_the_same_bits(place, monkeypatch):
    run = some("speedrun-cifar10_50k")
    straight = dataclasses.replace(place, out=place.out.with_name("straight"))
    assert rows.attempt(straight, run, {})["status"] == "done"
    asked = iter([9.0] * 4)
    monkeypatch.setattr(rows.Place, "left", property(lambda place: next(asked, 0.0)))
    line = rows.attempt(place, run, {})
    assert line["status"] == "stopped" and rows.measured(place, run) is None
    assert list(place.folder(run.name).glob("checkpoints/*.pt"))
    monkeypatch.undo()
    line = rows.attempt(place, run, {})
    assert line["status"] == "done" and line["metrics"]["top1"] >= 0 and line["seconds"] > 0
    manifests = [json.loads((p.folder(run.name) / "manifest.json").read_text()) for p in (place, straight)]
    assert [manifest["resumed"] for manifest in manifests] == [1, 0]
    assert manifests[0]["weights"]["last"]["sha256"] == manifests[1]["weights"]["last"]["sha256"]
    assert rows.measured(place, run) == "ok"
    assert rows.measured(place, dataclasses.replace(run, title="another")) is None
    assert read_info(place.of("results/data/cifar10_50k"))["counts"] == {"train": 300, "validation": 0, "test": 100}


def test_missing_data_and_errors_are_lines_and_the_next_row_follows(place, monkeypatch):
    real = dataclasses.replace(place, pretend=False)
    line = rows.attempt(real, some("resnet20-cifar10"), {})
    assert line["status"] == "no_data" and "CIFAR-10 is not here" in line["sentence"]
    monkeypatch.setattr(rows, "train_one", lambda *_: 1 / 0)
    line = rows.attempt(place, some("speedrun-cifar10_50k"), {})
    assert (line["status"], line["sentence"]) == ("error", "ZeroDivisionError: division by zero")
    assert rows.status_of([line]) == 1 and rows.status_of([{"status": "stopped"}]) == 0


def test_a_row_that_diverges_is_a_result_and_is_not_tried_again(place):
    run = some("speedrun-cifar10_50k")
    wild = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, optimizer={"name": "sgd", "lr": 1e38}))
    line = rows.attempt(place, wild, {})
    assert line["status"] == "diverged" and "lower optimizer.lr" in line["sentence"]
    assert rows.measured(place, wild) == "diverged" and rows.status_of([line]) == 1


def test_all_three_steps_run_with_few_packages(tmp_path):
    """As on a machine that has PyYAML, NumPy and torch: the whole of `--pretend`, without a stub."""
    start = START.replace("benchmarks.gpu.checks", "benchmarks.gpu").replace(", 'yaml'", "")
    options = ["--pretend", "--minutes", "9", "--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    ended = subprocess.run(
        [sys.executable, "-c", start, *options], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    out = tmp_path / "out"
    lines = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert lines[0]["pretend"] and lines[0]["machine"]["device"] == "cpu"
    ends = {line["run"].rpartition("-s")[0]: line["status"] for line in lines[1:]}
    assert list(ends) == list(rows.minutes_of())
    drawn = {"dcgan-anime_faces", "ddpm-cifar10-short"}
    assert {name: end for name, end in ends.items() if end != "done"} == dict.fromkeys(drawn, "trained")
    speeds = [json.loads(line) for line in (out / "speed.jsonl").read_text().splitlines()][1:]
    assert len(speeds) == 6 and all(row["ours"] > 0 and row["bare"] > 0 for row in speeds)
    assert (out / "checks/checks.jsonl").exists()
    described = (out / "results/gpu/runs.jsonl").read_text().splitlines()
    assert [Run.from_json(line).name for line in described] == [run.name for run in RUNS]
    assert {path.name for path in (out / "results/gpu/runs").iterdir()} >= {f"{name}-s0" for name in ends}


def test_a_loaded_part_without_tests_is_packed_too(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (9, 1, 6, 6), np.uint8)
    loaded = Loaded(Part.of(images, np.full(9, -1)), None, "image_folder", "here", False, {"faces": "0"})
    pack.write("faces", {"sources": []}, loaded, tmp_path)
    found = pack.read({}, {"path": str(tmp_path / "faces.json")}, tmp_path)
    assert found.test is None
    np.testing.assert_array_equal(next(found.learning.chunks()), images)
