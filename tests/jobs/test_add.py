"""`make add-model` and `make add-dataset`: what they write passes at once, and overwrites nothing."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nets.data.proposal import propose
from nets.jobs import add
from nets.suite.additions import BEGINNINGS
from nets.suite.catalogues import ROOT, load_catalogues
from nets.suite.expansion import load_runs

DICE = np.random.RandomState(0)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder whose modules Python finds; `add` writes into the table there."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    table = tmp_path / "lab/lab.tsv"
    return table, lambda *words: add.main([*words, "--table", str(table)])


def pictures(folder, counts, size=(40, 30), grey=False):
    """PNG images of squares on coloured ground, so many for each class."""
    for label, count in counts.items():
        for number in range(count):
            pixels = DICE.randint(0, 256, (6, 8) if grey else (6, 8, 3)).astype(np.uint8)
            path = folder / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(path)
    return folder


def passes(folder, name):
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", str(folder / f"test_{name}.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("task", BEGINNINGS)
def test_a_new_network_is_complete(mine, capsys, task):
    table, run = mine
    assert run("--model", "my_net", "--task", task) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "make check MODEL=my_net" in said
    runs = load_runs(table)
    assert [run.seed for run in runs if run.purpose == "benchmark"] == [0, 1, 2]
    assert next(iter(runs[0].networks.values())).path == "lab.my_net.MyNet"
    for name in ("my_net.py", "test_my_net.py"):
        subprocess.run(
            [sys.executable, "-m", "ruff", "check", "-q", "--config=pyproject.toml", str(table.parent / name)],
            check=True,
            cwd=ROOT,
        )
        formatted = [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--check",
            "-q",
            "--config=pyproject.toml",
            str(table.parent / name),
        ]
        subprocess.run(formatted, check=True, cwd=ROOT)
    passes(table.parent, "my_net")


def test_a_new_data_set_and_a_network_for_it(mine, capsys, tmp_path):
    table, run = mine
    folder = pictures(tmp_path / "pets", {"cat": 40, "dog": 45})
    (folder / "notes.txt").write_text("mine")
    assert run("--new-dataset", "pets", "--from", str(folder)) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "images: 40 cat, 45 dog" in said and "pixels: 40x30, in colour" in said
    assert "resized to 28x28" in said and "1 file skipped: 1 no image (.txt)" in said
    entry = load_catalogues(table.parent)["datasets"]["pets"]
    assert entry["shape"] == [3, 28, 28] and entry["classes"] == ["cat", "dog"]
    assert entry["sources"] == [{"kind": "image_folder", "folder": str(folder), "fit": "crop"}]
    assert run("--model", "my_net", "--dataset", "pets") == 0
    assert {(each.model, each.dataset) for each in load_runs(table)} == {("resnet18", "pets"), ("my_net", "pets")}
    passes(table.parent, "pets")


def test_nothing_is_overwritten_and_what_is_there_stays(mine, capsys):
    table, run = mine
    table.parent.mkdir()
    own = "# mine\nother:\n  title: Other\n  task: classification\n  citation: none\n  networks:\n"
    own += "    classifier: {class: lab.other.Other}"
    (table.parent / "models.yaml").write_text(own)
    table.write_text("seeds\tmodel\tdataset\trecipe\toverrides\n# a comment\n0\tlenet5\tmnist5k\tlenet5\t")
    assert run("--model", "my_net") == 0, capsys.readouterr()
    assert (table.parent / "models.yaml").read_text().startswith(own + "\n")
    assert table.read_text().endswith("lenet5\t\n0-2\tmy_net\tmnist5k\tcnn\tepochs=20 batch_size=32\n")
    before = {path: path.read_bytes() for path in table.parent.iterdir()}
    for words, said in (
        (["my_net"], "models.yaml has it already"),
        (["lenet5"], "models.yaml has it already"),
        (["My-Net"], "write a word of small letters"),
        (["class"], "write a word of small letters"),
        (["net_two", "--task", "diffusoin"], "TASK=diffusoin: no network begins like that"),
        (["net_two", "--dataset", "mnist5"], "unknown dataset 'mnist5'; did you mean"),
        (["net_two", "--dataset", "digit_scenes"], "digit_scenes has no labels, which classification needs"),
    ):
        assert run("--model", *words) == 1
        assert said in capsys.readouterr().err
    assert add.main(["--model", "net_two", "--table", str(ROOT / "config/quick.tsv")]) == 1
    assert "quick.tsv is the project's; name a table of your own" in capsys.readouterr().err
    (table.parent / "net_two.py").write_text("mine")
    assert run("--model", "net_two") == 1 and "net_two.py is there already" in capsys.readouterr().err
    (table.parent / "net_two.py").unlink()
    assert before == {path: path.read_bytes() for path in table.parent.iterdir()}


def test_a_folder_that_python_does_not_look_into(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert add.main(["--model", "my_net", "--table", str(tmp_path / "lab/lab.tsv")]) == 1
    assert f"export PYTHONPATH={tmp_path / 'lab'} first" in capsys.readouterr().err
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert add.main(["--model", "my_net", "--table", str(tmp_path / "json/lab.tsv")]) == 1
    assert "Python has a module 'json' already" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_images_from_which_nothing_can_be_learned_are_refused(mine, capsys, tmp_path):
    table, run = mine
    assert run("--new-dataset", "pets", "--from", str(tmp_path / "none")) == 1
    assert "none is no folder; name the folder of your images" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run("--new-dataset", "pets", "--from", str(tmp_path / "empty")) == 1
    assert "holds no images (PNG, JPEG" in capsys.readouterr().err
    for label in ("a", "b"):
        for number in range(20):
            path = tmp_path / f"same/{label}/{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (28, 28)).save(path)
    assert run("--new-dataset", "pets", "--from", str(tmp_path / "same")) == 1
    assert "images are the same" in capsys.readouterr().err
    assert not table.parent.exists()


def test_what_is_proposed(tmp_path):
    entry, found = propose("plain", pictures(tmp_path / "plain", {".": 12}, (32, 32), grey=True))
    assert entry["shape"] == [1, 32, 32] and entry["classes"] is None and entry["sources"][0]["fit"] == "exact"
    assert any("without classes" in line for line in found)
    folder = tmp_path / "parts"
    for part, count in (("train", 20), ("val", 5), ("test", 8)):
        pictures(folder / part, {"a": count, "b": count}, (300, 200))
    entry, found = propose("parts", folder)
    assert entry["sources"][0]["kind"] == "class_folder" and entry["shape"] == [3, 64, 64]
    assert entry["splits"] == {"validation": 10, "seed": 0} and "40 in train, 10 in val, 16 in test" in found[0]
    masked = tmp_path / "masked"
    for part in ("train", "test"):
        pictures(masked / part, {"images": 12}, (48, 48))
        (masked / part / "masks").mkdir()
        for number in range(12):
            mask = np.where(DICE.rand(48, 48) < 0.1, 255, DICE.randint(0, 3, (48, 48))).astype(np.uint8)
            Image.fromarray(mask).save(masked / part / f"masks/{number}.png")
    entry, _ = propose("masked", masked)
    assert entry["classes"] == ["class 0", "class 1", "class 2"] and entry["masks"] == {"void": 255}
    assert entry["sources"][0]["kind"] == "mask_folder" and entry["shape"] == [3, 48, 48]
