"""A kind of learning is a file and a table entry; with these two it is planned, trained, measured and reported."""

import dataclasses
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from nets.errors import ConfigError, UserError
from nets.suite import catalogues
from nets.suite.catalogues import ROOT, schema
from nets.suite.expansion import load_runs
from nets.tasks import task_class
from nets.tasks.contract import Generator, Task
from nets.tasks.kinds import KINDS, Family, Kind, check_kinds, option

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
FILE = '''
import torch
import torch.nn.functional as F

from nets.data.batches import UNIT
from nets.metrics.reconstruction import METRICS
from nets.tasks.contract import Evaluation, Task
from nets.tasks.macs import count_macs


class SuperResolution(Task):
    """One network, `upscaler`: small images (N, C, H, W) in 0..1 to large ones."""

    @staticmethod
    def pixel_range(info):
        return UNIT

    def arguments(self, role):
        return {"channels": self.run.shape[0], "factor": self.options["factor"]}

    def enlarge(self, images):
        return self.networks["upscaler"](F.avg_pool2d(images, self.options["factor"]))

    def outputs(self, images):
        yield "upscaler", self.enlarge(images), tuple(images.shape)

    def step(self, batch):
        loss = F.mse_loss(self.enlarge(batch.images), batch.images)
        self.update("upscaler", loss)
        return {"loss": loss.detach()}

    @torch.no_grad()
    def validate(self, data):
        return {"mse": torch.cat([(self.enlarge(b.images) - b.images).square() for b in data.ordered()]).mean().item()}

    @torch.no_grad()
    def evaluate(self, data):
        images = torch.cat([batch.images for batch in data.ordered()])
        values = METRICS.measure(images, self.enlarge(images))
        return Evaluation({name: value.mean().item() for name, value in values.items()})

    def macs(self):
        small = F.avg_pool2d(torch.zeros(1, *self.run.shape), self.options["factor"])
        return {"upscaler": count_macs(self.networks["upscaler"], small)}
'''
ENTRY = """KINDS = {
    "super_resolution": Kind(
        task="nets.tasks.super_resolution.SuperResolution",
        generator=None,
        roles={"upscaler": ("factor",)},
        extras={},
        needs=("square",),
        measures=("reconstruction",),
        family=Family("super_resolution", "Super-resolution", "A network enlarges an image.", headline="psnr"),
        options={"factor": option(2, "Of the enlargement.", type="integer", minimum=2)},
    ),
"""
NETWORK = """
from torch import nn

class Upscaler(nn.Sequential):
    def __init__(self, channels, factor):
        super().__init__(nn.Conv2d(channels, channels * factor**2, 3, padding=1), nn.PixelShuffle(factor))
        self.factor = factor
"""
MODELS = {
    "upscaler": {
        "title": "Upscaler",
        "task": "super_resolution",
        "citation": "mine",
        "networks": {"upscaler": {"class": "upscaler.Upscaler"}},
    }
}
RECIPES = {
    "upscaler": {
        "task": "super_resolution",
        "source": "mine",
        "epochs": 2,
        "batch_size": 64,
        "optimizer": {"name": "adam", "lr": 0.01},
    }
}
STAGES = """
from pathlib import Path
from nets.jobs import collect, compare, draw, evaluate, plan, report, train
from nets.run import write_runs
from nets.suite.expansion import load_runs

results, table = Path("results/my"), Path("my.tsv")
folder, data = results / "runs/upscaler-mnist5k-s0", Path("results/data/mnist5k")
folder.mkdir(parents=True)
write_runs(load_runs(table), results / "runs.jsonl")
names = str(results / "runs.txt")
for job, arguments in (
    (plan, ["--table", table]),
    (plan, ["--runs-from", results / "runs.jsonl", "--names", names]),
    (train, ["--run-dir", folder, "--runs-from", results / "runs.jsonl", "--data-dir", data]),
    (evaluate, ["--run-dir", folder, "--data-dir", data]),
    (draw, ["--run-dir", folder]),
    (collect, ["--runs-from", names, "--output", results / "metrics.csv"]),
    (compare, ["--results", results, "--runs-from", names]),
    (report, ["--results", results, "--runs-from", names, "--output", results / "report.html"]),
):
    assert job.main([str(argument) for argument in arguments]) == 0, job.__name__
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory, few):
    """A copy of the project with one more task, and a folder that uses it."""
    copy, work = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("work")
    for part in ("nets", "config", "workflow"):
        shutil.copytree(ROOT / part, copy / part)
    (copy / "nets/tasks/super_resolution.py").write_text(FILE)
    kinds = copy / "nets/tasks/kinds.py"
    kinds.write_text(kinds.read_text().replace("KINDS = {\n", ENTRY))
    (work / "upscaler.py").write_text(NETWORK)
    (work / "models.yaml").write_text(yaml.safe_dump(MODELS))
    (work / "recipes.yaml").write_text(yaml.safe_dump(RECIPES))
    (work / "results/data").mkdir(parents=True)
    shutil.copytree(few, work / "results/data/mnist5k")

    def run(overrides: str, *arguments: str) -> subprocess.CompletedProcess:
        (work / "my.tsv").write_text(f"{HEADER}upscaler\tmnist5k\t\tupscaler\t0\t{overrides}\n")
        environment = os.environ | {"PYTHONPATH": f"{copy}:{work}"}
        return subprocess.run(
            [sys.executable, *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False
        )

    return work / "results/my", run


def test_a_new_task_goes_all_the_way(extended):
    results, run = extended
    done = run("options.factor=4", "-c", STAGES)
    assert done.returncode == 0, done.stderr
    assert "1 run: 1 super_resolution" in done.stdout
    table = (results / "tables/super_resolution-mnist5k.md").read_text()
    assert "Super-resolution on MNIST-5k" in table
    assert table.index("PSNR") < table.index("MSE")
    assert "A network enlarges an image." in (results / "report.html").read_text()


def test_the_options_of_a_new_task_are_closed_and_checked(extended):
    _, run = extended
    for overrides, said in (
        ("options.fatcor=3", "options: unknown key 'fatcor'; did you mean 'factor'?"),
        ("options.factor=1", "options.factor: 1 is less than the minimum of 2; set 2 or more."),
    ):
        plan = run(overrides, "-m", "nets.jobs.plan", "--table", "my.tsv")
        assert (plan.returncode, plan.stderr) == (1, f"my.tsv, line 2 (recipe upscaler): {said}\n")


COMPLETE = KINDS["segmentation"]


@pytest.fixture
def with_kind(monkeypatch, tmp_path):
    """A function that adds a kind of learning and loads a table, as the next start would."""

    def load(kind: Kind):
        monkeypatch.setitem(KINDS, "toy", kind)
        for read in (schema, catalogues.load_catalogue):
            read.cache_clear()
        (tmp_path / "my.tsv").write_text(f"{HEADER}lenet5\tmnist5k\t\tlenet5\t0\t\n")
        return load_runs(tmp_path / "my.tsv")

    yield load
    for read in (schema, catalogues.load_catalogue):
        read.cache_clear()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Kind)])
def test_a_field_that_was_left_out_is_named(with_kind, field):
    given = {name: value for name, value in vars(COMPLETE).items() if name != field}
    with pytest.raises(
        ConfigError, match=f"^nets/tasks/kinds.py: the entry 'toy' lacks {field}; fill in every field.$"
    ):
        with_kind(Kind(**given))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": None}, "toy has neither a task nor a generator; name the class of at least one"),
        (
            {"task": "nets.tasks.toy.Toy"},
            "class nets.tasks.toy.Toy of toy needs the module nets.tasks.toy; add its file",
        ),
        ({"options": {"factor": {"type": "integer"}}}, "the option 'factor' of toy lacks a default; add it"),
    ],
)
def test_what_an_entry_lacks_is_said(with_kind, changes, said):
    with pytest.raises(ConfigError, match=said):
        with_kind(dataclasses.replace(COMPLETE, **changes))


def test_a_class_that_is_not_in_its_file(monkeypatch, run_of):
    run = run_of("lenet5")
    monkeypatch.setitem(KINDS, "classification", dataclasses.replace(COMPLETE, task="nets.tasks.classification.Clas"))
    with pytest.raises(UserError, match="class nets.tasks.classification.Clas of classification can't be imported"):
        task_class(run)


def test_the_table_as_it_is_lacks_nothing():
    check_kinds()
    assert set(schema("recipes")["$defs"]) >= set(KINDS)


@pytest.mark.parametrize(
    ("model", "draws"),
    [("lenet5", False), ("autoencoder", False), ("pca", False), ("vae", True), ("dcgan", True), ("ddpm", True)],
)
def test_what_draws_samples_is_a_generator(run_of, model, draws):
    kind = task_class(run_of(model))
    assert issubclass(kind, Task)
    assert issubclass(kind, Generator) == draws


@pytest.mark.parametrize("method", ["sample", "sampling"])
def test_a_generator_without_its_methods_can_not_be_made(run_of, method):
    kind = task_class(run_of("dcgan"))
    lacking = type("Lacking", (kind,), {method: getattr(Generator, method)})
    with pytest.raises(TypeError, match=f"abstract method '?{method}'?$"):
        lacking(run_of("dcgan"), None, None)


def test_a_model_of_a_task_that_draws_nothing_has_no_samples(tmp_path):
    entry = {"title": "M", "task": "classification", "citation": "me", "networks": {"classifier": {"class": "my.Net"}}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"mine": entry | {"generates": True}}))
    (tmp_path / "my.tsv").write_text(f"{HEADER}mine\tmnist5k\t\tlenet5\t0\t\n")
    with pytest.raises(ConfigError, match="mine sets generates in models.yaml, but classification draws no samples"):
        load_runs(tmp_path / "my.tsv")


def test_families_without_a_classifier_are_headed_by_inception():
    family = Family("drawing", "Drawing", "A network draws.", headline="fid_indomain")
    assert family.headline_of({"indomain": None}) == "fid_inception"
    assert family.headline_of({"indomain": "lenet5-mnist5k-extractor-s0"}) == "fid_indomain"
    assert option(2, "Of it.", type="integer") == {"type": "integer", "default": 2, "description": "Of it."}
