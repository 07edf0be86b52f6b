"""Every command and all Python of docs/tutorial.md is run, in its order, on fewer images and for less long."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest

from nets.suite.catalogues import ROOT

PAGE = (ROOT / "docs/tutorial.md").read_text()
PARTS = ("Makefile", "Snakefile", "workflow", "nets", "config", "profiles", "environment.yml", "requirements.lock")
SMALLER = {
    "width=0.25 epochs=10 batch_size=32": "width=0.125 epochs=2 batch_size=8",
    "COUNT = 300": "COUNT = 40",
    "0-2": "0",
    "epochs=20 batch_size=32": "epochs=8 batch_size=8",
}
INSTALLS = (".venv/ready",)  # tests use the environment that they run in


def blocks():
    """The commands of the page, one by one, and its blocks: (language, text)."""
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$|^    (\S[^\n]*)$", PAGE, re.M | re.S):
        yield (found[1], found[2]) if found[1] else ("command", found[3])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the project with this environment as its own."""
    folder = tmp_path_factory.mktemp("tutorial") / "nets"
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, folder / part)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def test_the_tutorial(checkout):
    environment = os.environ | {"NETS_OFFLINE": "1", "NETS_DATA": "nowhere", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    if extra := os.environ.get("PYTHONPATH"):
        environment["PYTHONPATH"] = extra
    said = ""

    def run(command):
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, shell=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        smaller(checkout / "my/my.tsv")
        return done.stdout

    ran = []
    for language, text in blocks():
        without_onnx = text.startswith("make onnx") and not importlib.util.find_spec("onnxruntime")
        if without_onnx or any(words in text for words in INSTALLS):
            continue
        if language == "command":
            ran.append(text)
            said = run(text.replace("make ", "make --old-file=.venv/ready ", 1))
        elif language == "python" and "draw" not in text.lower():
            (checkout / "use.py").write_text(text)
            assert run(".venv/bin/python use.py").startswith("{'circle': 0.")
        elif language == "python":
            (checkout / "draw.py").write_text(text)
            smaller(checkout / "draw.py")
        elif text.count("\t") > 3:
            with open(checkout / "my/my.tsv", "a") as table:
                table.write(text)
            smaller(checkout / "my/my.tsv")
        else:
            check_shown(text, said)
    assert len(ran) > 7
    report = (checkout / "results/my/report.html").read_text()
    assert all(name in report for name in ("resnet18-shapes", "my_net-shapes-wide", "Shapes"))
    assert sorted(path.name for path in (checkout / "results/my/runs").glob("[!.]*")) == [
        "my_net-shapes-s0",
        "my_net-shapes-wide-s0",
        "resnet18-shapes-s0",
    ]


def smaller(path):
    """Fewer images, seeds and epochs in a file, if it is there."""
    if path.exists():
        text = path.read_text()
        for large, small in SMALLER.items():
            text = text.replace(large, small)
        path.write_text(text)


def check_shown(shown, said):
    """The page shows what the command prints, line by line, but for numbers, places and what is cut off by dots."""

    def words(text):
        return [re.sub(r"[\d.,]+", "#", line).rstrip("# ") for line in text.splitlines() if line.strip()]

    lines = [re.sub(r" from image_folder.*", " from image_folder", line) for line in words(said)]
    for line in words(shown):
        assert line.removesuffix(" ") in lines, f"the tutorial shows {line!r}, printed is {lines}"


def test_the_page_shows_the_row_that_is_written():
    assert "| resnet18 | shapes | | short | 0-2 | model.width=0.25 epochs=10 batch_size=32 |" in PAGE
    from nets.suite.additions import BASELINES

    assert BASELINES["labels"] == ("resnet18", "short", "model.width=0.25 epochs=10 batch_size=32")
