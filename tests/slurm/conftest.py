"""One small suite, run through a real Slurm; the tests look at its results."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nets.suite.catalogues import ROOT
from tests.slurm.cluster import Cluster

TABLE = """model\tdataset\tvariant\trecipe\tseeds\toverrides
lenet5\tdigits\t\tlenet5\t0\tepochs=15
conv_autoencoder\tdigits\t\tconv_autoencoder\t0\tepochs=1 model.widths=[4,8]
unet\tscenes\t\tunet\t0\tepochs=4 model.width=8 model.depth=3 model.batch_norm=true model.dropout=0 batch_size=4 optimizer.lr=0.005 augment.crop_padding=0
lenet5\tdigits\tfeatures\tfeature_extraction\t0\tepochs=1 options.pretrained=lenet5-digits
dcgan\tdigits\t\tdcgan\t0\tepochs=1 model.width=4 options.samples=100
vae\tdigits\t\tvae\t0\tepochs=1 options.samples=100
ddpm\tdigits\t\tddpm\t0\tepochs=1 model.width=4 model.multipliers=[1,2] model.blocks=1 schedule.warmup_epochs=0 ema=0.9 options.timesteps=20 options.sampler=ddim options.sampling_steps=5 options.samples=100
broken\tdigits\t\tlenet5\t0\tepochs=1
"""  # noqa: E501 - rows of a table
BROKEN = """from pathlib import Path

from torch import nn


class Broken(nn.Module):
    def __init__(self, image_size, num_classes):
        super().__init__()
        if not Path("mended").exists():
            raise RuntimeError("this network is broken")
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(image_size**2, num_classes))

    def forward(self, x):
        return self.layers(x)
"""
MODELS = """broken:
  title: Broken
  task: classification
  citation: none
  networks:
    classifier: {class: my_broken.Broken, args: {}}
"""


class Suite:
    """A folder with the table, and Snakemake that sends its jobs to Slurm."""

    def __init__(self, folder: Path, cluster: Cluster):
        self.folder, self.cluster = folder, cluster
        self.results = folder / "results/tiny"
        (folder / "tiny.tsv").write_text(TABLE)
        (folder / "models.yaml").write_text(MODELS)
        (folder / "my_broken.py").write_text(BROKEN)
        known = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())
        extractor = {"model": "lenet5", "recipe": "lenet5", "overrides": "epochs=2"}
        source = {"kind": "digit_scenes", "count": 400, "digits": [2, 5], "sizes": [24, 40], "seed": 0, "version": 1}
        splits = {"train": 280, "validation": 40, "test": 80, "seed": 0}
        sets = {
            "digits": known["mnist5k"] | {"extractor": extractor},
            "scenes": known["digit_scenes"] | {"sources": [source], "splits": splits},
        }
        (folder / "datasets.yaml").write_text(yaml.safe_dump(sets))

    def start(self, profile: str, *arguments: str) -> subprocess.Popen:
        """Start Snakemake with a profile, without a network; its output goes to a file."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile")]
        command += ["--workflow-profile", str(ROOT / "profiles" / profile), "--config", "table=tiny.tsv", "threads=1"]
        command += ["--latency-wait", "10", "--set-threads", "train=1", "evaluate=1", "prepare=1", *arguments]
        environment = self.cluster.environment | {"OMP_NUM_THREADS": "1"}
        environment |= {"NETS_OFFLINE": "1", "NETS_DATA": "nowhere", "TORCH_HOME": "nowhere"}
        environment |= {"PYTHONPATH": str(self.folder)}  # where my_broken is
        with open(self.folder / "snakemake.txt", "a") as log:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def snakemake(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake with the Slurm profile. This cluster answers at once, so it is asked often."""
        often = ["--slurm-init-seconds-before-status-checks", "1", "--retries", "1"]
        return self.start("slurm", *often, "--group-components", "plain=3", "generated=3", *arguments)

    def output(self) -> str:
        return (self.folder / "snakemake.txt").read_text()

    def job_of(self, run: str) -> str | None:
        """The Slurm job that trains a run now, found from its process, because all nodes are this machine."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (process / "cmdline").read_bytes().split(b"\0")
                environment = (process / "environ").read_bytes().split(b"\0")
            except OSError:  # it has ended, or belongs to another user
                continue
            if b"nets.jobs.train" in arguments and f"--run-dir=results/tiny/runs/{run}".encode() in arguments:
                return next((x[13:].decode() for x in environment if x.startswith(b"SLURM_JOB_ID=")), None)
        return None


def wait_for(ready: Callable, process: subprocess.Popen, suite: Suite):
    """Poll until `ready` returns something, and return it; the process must not end before that."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        if result := ready():
            return result
        assert process.poll() is None, suite.output()
        time.sleep(0.1)
    raise TimeoutError(suite.output())


@pytest.fixture(scope="session")
def cluster():
    with Cluster() as started:
        yield started


@pytest.fixture(scope="session")
def suite(tmp_path_factory, cluster) -> Suite:
    """The suite after two calls. In the first, a job was cancelled, and a run raised an error that was then corrected.

    Meanwhile the table was edited, which does not affect the jobs of a Snakemake that has started.
    """
    suite = Suite(tmp_path_factory.mktemp("work"), cluster)
    process = suite.snakemake()
    try:
        log = suite.results / "runs/lenet5-digits-s0/logs/train.log"
        wait_for(lambda: log.exists() and "epoch" in log.read_text(), process, suite)
        table = suite.folder / "tiny.tsv"
        table.write_text("model\tdataset\tvariant\trecipe\tseeds\toverrides\nlenet")  # somebody is editing it
        suite.cancelled = wait_for(lambda: suite.job_of("lenet5-digits-s0"), process, suite)
        cluster.ask("scancel", suite.cancelled)
        suite.first_status = process.wait(timeout=900)
        suite.first_end = time.time()
        suite.first_metrics = {path.parent.name for path in suite.results.glob("runs/*/metrics.json")}
        table.write_text(TABLE)
        (suite.folder / "mended").touch()
        process = suite.snakemake()
        suite.second_status = process.wait(timeout=600)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # cancels its jobs
            process.wait(timeout=120)
    return suite
