"""A copy of the project that tests may edit, and Snakemake in it."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from nets.suite.catalogues import ROOT

TINY = """model\tdataset\tvariant\trecipe\tseeds\toverrides
lenet5\tmnist5k\t\tlenet5\t0-1\tepochs=1
conv_autoencoder\tmnist5k\t\tconv_autoencoder\t0\tepochs=1 model.widths=[4,8]
dcgan\tmnist5k\t\tdcgan\t0\tepochs=1 model.width=4 options.samples=200
lenet5\tcifar10\t\tlenet5\t0\tepochs=1
"""


# Every Python process that loads this notes each attempt to use a network.
WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.environ["NETS_TEST_CALLS"], "a") as file:
            print(sys.argv, event, arguments[-2:] if event == "socket.getaddrinfo" else arguments[1:], file=file)

sys.addaudithook(watch)
"""


def without_network() -> tuple[str, ...]:
    """A prefix that runs a command without a network; empty if that is not possible."""
    possible = shutil.which("unshare") and not subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode
    return ("unshare", "-n") if possible else ()


class Project:
    """A copy of the workflow, and a folder to work in."""

    def __init__(self, folder: Path):
        self.folder, self.work = folder / "nets", folder / "work"
        self.work.mkdir()
        for part in ("workflow", "nets", "config", "profiles", "environment.yml"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            (self.folder / part).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / part, self.folder / part)
        quick = "recipe: lenet5, overrides: epochs=2}"  # the extractor
        datasets = self.folder / "config/datasets.yaml"
        datasets.write_text(datasets.read_text().replace("recipe: lenet5}", quick))
        (folder / "watch").mkdir()
        (folder / "watch/sitecustomize.py").write_text(WATCH)
        self.watch, self.calls = folder / "watch", folder / "calls.txt"
        self.table = self.work / "tiny.tsv"
        self.table.write_text(TINY)

    def start(self, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen:
        """Start Snakemake in the working folder, without a network; by default on the tiny table."""
        command = [sys.executable, "-m", "snakemake", "-s", str(self.folder / "workflow/Snakefile"), "--cores", "2"]
        command = [*before, *command, *(arguments or ("--config", "table=tiny.tsv"))]
        environment = os.environ | {"NETS_OFFLINE": "1", "NETS_DATA": "nowhere", "TORCH_HOME": "nowhere"}
        environment |= {"PYTHONPATH": str(self.watch), "NETS_TEST_CALLS": str(self.calls)}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=self.work, env=environment, start_new_session=True, **streams)

    def snakemake(self, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        """Run Snakemake to its end; `stdout` has all its output."""
        process = self.start(*arguments, before=before)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run the tiny table."""
        return self.snakemake(*arguments, "--config", "table=tiny.tsv")

    def why(self, run: str, table: str = "tiny.tsv") -> str:
        """The output of `nets.jobs.why` for a run."""
        command = [sys.executable, "-m", "nets.jobs.why", "--run", run, "--table", table]
        environment = os.environ | {"PYTHONPATH": str(self.folder), "NETS_OFFLINE": "1", "NETS_DATA": "nowhere"}
        result = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def planned(self) -> Counter:
        """The jobs of a dry run by rule and run, as in ('train', 'lenet5-mnist5k-s0')."""
        result = self.run("-n", "--quiet", "host")
        assert result.returncode == 0, result.stdout
        jobs = Counter()
        for block in re.split(r"\n(?=(?:local)?rule )", result.stdout):
            if match := re.match(r"(?:local)?rule (\w+):", block):
                run = re.search(r"wildcards: .*?run=([\w.-]+)", block)
                jobs[match[1], run and run[1]] += 1
        return jobs


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    """The copy before any run."""
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def finished(project) -> Project:
    """The copy after a run of the tiny table."""
    result = project.snakemake("--config", "table=tiny.tsv", before=without_network())
    assert result.returncode == 0, result.stdout
    return project


@pytest.fixture
def edit():
    """A function that replaces text in a file; the file is restored after the test."""
    kept = {}

    def change(path, old, new):
        text = path.read_text()
        kept.setdefault(path, text)
        assert old in text
        path.write_text(text.replace(old, new, 1))

    yield change
    for path, text in kept.items():
        path.write_text(text)
