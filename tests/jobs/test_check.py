"""`make check MODEL=`: a network's contract, and what this processor makes of its convolutions."""

import re

import pytest
import torch

from nets import contract_checks
from nets.jobs import check, train
from nets.run import Network
from nets.suite.catalogues import load_catalogue
from nets.suite.examples import examples
from nets.tasks.exactness import verify
from nets.training import session
from nets.training.loop import State

NAMES = [each.name for each in contract_checks.CHECKS]
CATALOGUE = """
own:
  title: Own
  task: classification
  citation: none
  networks:
    classifier: {class: own_networks.NAME, args: {width: 4}}
"""
NETWORKS = """
import random

import torch
import torch.nn.functional as F
from torch import nn


class Right(nn.Module):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, 4 * width, 7, stride=4)
        self.head = nn.Linear(4 * width * 36, num_classes)
        self.pool = nn.AdaptiveAvgPool2d(6)

    def features(self, images):
        return self.pool(torch.relu(self.stem(images))).flatten(1)

    def forward(self, images):
        return self.head(self.features(images))


class Strided(nn.Module):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3)
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, images):
        return F.conv2d(self.stem(images), self.head.weight, stride=2).mean((2, 3))


class ThreeChannels(Right):
    def __init__(self, num_classes, width=4):
        super().__init__(3, num_classes, width)


class Unused(Right):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__(in_channels, num_classes, width)
        self.forgotten = nn.Linear(3, 3)


class Detached(Right):
    def forward(self, images):
        return self.head(self.features(images).detach())


class Constant(Right):
    def forward(self, images):
        return super().forward(0 * images)


class Mixing(Right):
    def features(self, images):
        found = super().features(images)
        return found - found.mean(0)


class Unregistered(Right):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__(in_channels, num_classes, width)
        self.scale = 1 + torch.rand(())

    def forward(self, images):
        return self.scale * super().forward(images)


class InAList(Right):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__(in_channels, num_classes, width)
        self.layers = [nn.Linear(576, 576)]

    def features(self, images):
        return self.layers[0](super().features(images))


class OfItsOwnChance(Right):
    def forward(self, images):
        return super().forward(images) * (random.uniform(0.5, 1.5) if self.training else 1)


class Counting(Right):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__(in_channels, num_classes, width)
        self.steps = 0

    def forward(self, images):
        self.steps += self.training
        return super().forward(images) * (1 + 0.01 * self.steps if self.training else 1)


class Exploding(Right):
    def forward(self, images):
        return super().forward(images) * 1e38 * 1e38


class Failing(Right):
    def forward(self, images):
        if self.training:
            raise KeyError("no such layer")
        return super().forward(images)
"""


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A function that makes a class of NETWORKS the model `own` and checks it; puts oneDNN back into this process."""
    (tmp_path / "own_networks.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("NETS_CATALOGUES", raising=False)
    monkeypatch.setenv("NETS_CATALOGUES", "")  # which the command sets

    def checked(name, *words):
        (tmp_path / "models.yaml").write_text(CATALOGUE.replace("NAME", name))
        load_catalogue.cache_clear()
        return check.main(["--model", "own", "--table", str(tmp_path / "own.tsv"), *words])

    checked.folder = tmp_path
    yield checked
    torch.backends.mkldnn.set_flags(True)


def lines_of(text):
    """What was found, by check."""
    return {line[2:24].strip(): line[24:] for line in text.splitlines() if line.startswith("  ")}


def test_all_is_well(capsys):
    assert check.main(["--model", "lenet5"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("lenet5 for images like those of mnist5k, cifar10, polynomials:\n")
    found = lines_of(said)
    assert list(found) == NAMES and all(line.startswith("ok: ") for line in found.values())
    assert found["shapes"] == "ok: 1x28x28, 3x32x32, 1x40x40"
    assert found["convolutions"] == "ok: all 4 are right here"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "resnet81"], "MODEL=resnet81: unknown model; did you mean 'resnet18'?\n"),
        (["--model", "resnet18", "--overrides", "model.widht=1"], "the model has no argument 'widht'; did you mean"),
    ],
)
def test_mistakes_are_said(capsys, arguments, said):
    assert check.main(arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "overrides"),
    [
        ("pca", ""),
        ("conv_vae", "model.widths=[4,8]"),
        ("unet", "model.width=4"),
        ("ddpm", "model.width=8"),
        ("dcgan", "model.width=4"),
        ("teaching_wgan_polynomials", ""),
    ],
)
def test_every_kind_of_model(monkeypatch, capsys, model, overrides):
    monkeypatch.setattr(contract_checks, "verify", lambda convolution: None)
    smaller = [run for run in examples(model, overrides) if run.shape[1] <= 64][:1]
    monkeypatch.setattr(check, "examples", lambda *_: smaller)
    assert check.main(["--model", model, "--overrides", overrides]) == 0, capsys.readouterr()
    assert list(lines_of(capsys.readouterr().out)) == NAMES


@pytest.mark.parametrize(
    ("name", "failing", "said"),
    [
        (
            "ThreeChannels",
            "shapes",
            r"fails on two images \(2, 1, 28, 28\) at own_networks.py, line \d+ .*write so in its entry: `channels: 3`",
        ),
        (
            "Unused",
            "gradients",
            r"classifier.forgotten.weight \(and 1 others\) gets no gradient .*let `forward` use it",
        ),
        ("Detached", "gradients", r"classifier.stem.weight \(and 1 others\) gets no gradient"),
        ("Constant", "gradients", "classifier.stem.weight has a gradient of 0"),
        ("Constant", "one batch", r"can't learn 8 images by heart: its loss is .* after 300 steps of Adam"),
        ("Exploding", "one batch", "loss is not finite after 1 steps on one batch"),
        ("Mixing", "batch independence", "`forward` of the classifier makes something else of an image when the other"),
        ("Unregistered", "save and load", "makes something else of the same images .*register_buffer"),
        ("InAList", "save and load", "keep lists of layers in an nn.ModuleList"),
        (
            "OfItsOwnChance",
            "same bits twice",
            "differ, first in classifier.stem.weight; draw random numbers from torch",
        ),
        ("Counting", "killed and continued", "ends with other weights .*parameters and buffers .register_buffer"),
        (
            "Failing",
            "one batch",
            r"it raises KeyError: 'no such layer' at own_networks.py, line \d+; correct that line",
        ),
    ],
)
def test_what_is_broken_is_told_with_what_to_do(own, capsys, monkeypatch, name, failing, said):
    alone = tuple(each for each in contract_checks.CHECKS if each.name == failing)
    monkeypatch.setattr(contract_checks, "CHECKS", alone)
    assert own(name) == 1
    heard = capsys.readouterr()
    found = lines_of(heard.out)
    assert re.match(rf"FAILED\. .*{said}", found[failing]), found
    assert f"own fails 1 of the checks ({failing}); the lines above say what to do" in heard.err


def test_a_network_that_is_right_passes_and_its_mark_as_a_builder_counts(own, capsys, monkeypatch):
    monkeypatch.setattr(contract_checks, "verify", lambda convolution: None)
    assert own("Right") == 0, capsys.readouterr()
    with open(own.folder / "own_networks.py", "a") as file:
        file.write(
            "\n\ndef built(in_channels, num_classes, width):\n    return Right(in_channels, num_classes, width)\n"
        )
    import sys

    sys.modules.pop("own_networks")
    assert own("built}  # {") == 1
    assert "own_networks.built is not a class of networks" in capsys.readouterr().out
    assert own("built, builder: true") == 0, capsys.readouterr()


def test_the_rows_of_the_table_are_checked(own, capsys, monkeypatch):
    monkeypatch.setattr(contract_checks, "verify", lambda convolution: None)
    header = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
    (own.folder / "own.tsv").write_text(
        f"{header}own\tcifar10\t\tlenet5\t0-4\tmodel.width=2\nlenet5\tmnist5k\t\tlenet5\t0\n"
    )
    assert own("ThreeChannels") == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert said.startswith("own for images like those of cifar10:") and "ok: 3x32x32\n" in said
    (run,) = examples("own", "model.width=3", own.folder / "own.tsv")
    assert run.networks["classifier"].args == {"width": 3} and run.seed == 0


def test_convolutions_that_come_out_wrong_are_said(monkeypatch, capsys):
    wrong = {3: "it crashes (SIGBUS)"}
    monkeypatch.setattr(contract_checks, "verify", lambda each: wrong.get(each.images[1]) or verify(each))
    assert check.main(["--model", "lenet5"]) == 1
    said = lines_of(capsys.readouterr().out)["convolutions"]
    assert said.startswith("FAILED. This processor computes 1 of 4 convolutions wrong, such as 5x5 convolution, stride")
    assert "3 to 6 channels, 32x32 pixels (lenet.py, line " in said
    assert said.endswith("): it crashes (SIGBUS); train it elsewhere.")


def test_what_is_known_to_be_bad_is_said_and_avoided(own, capsys):
    own("Strided", "--overrides", "model.width=5")
    said = capsys.readouterr()
    assert "ok: all 4 are right here" in said.out, said
    assert torch.backends.mkldnn.flags  # the process computes without oneDNN from now on
    assert not torch.backends.mkldnn.is_available() or not torch._C._get_mkldnn_enabled()


def test_a_run_says_it_too(own, few, run_of, monkeypatch, capsys):
    monkeypatch.setattr(session, "fit", lambda *_: State())
    run, folder = run_of("lenet5", "epochs=1"), own.folder / "own-mnist5k-s0"
    run.networks["classifier"] = Network("own_networks.Strided", {})
    folder.mkdir()
    (folder / "config.json").write_text(run.to_json())
    log = own.folder / "log"
    assert train.main(["--run-dir", str(folder), "--data-dir", str(few), "--log", str(log)]) == 0
    said = f"{run.name}: oneDNN gets the gradients of a convolution wrong on CPUs"
    assert said in capsys.readouterr().err and log.read_text().startswith(said)  # a warning of the GPU may come before
