"""`make check MODEL=`: what this processor makes of a model's convolutions."""

import pytest
import torch

from nets.jobs import check, train
from nets.run import Network
from nets.tasks.exactness import verify
from nets.training import session
from nets.training.loop import State

OWN = """
own:
  title: Own
  task: classification
  citation: none
  networks:
    classifier: {class: own_strided.Own, args: {width: 4}}
"""
NETWORK = """
import torch.nn.functional as F
from torch import nn


class Own(nn.Module):
    def __init__(self, in_channels, num_classes, width=4):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3)
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, images):
        return F.conv2d(self.stem(images), self.head.weight, stride=2).mean((2, 3))
"""


def test_all_is_well(capsys):
    assert check.main(["--model", "lenet5"]) == 0
    assert capsys.readouterr().out == "All 4 convolutions of lenet5, for mnist5k and cifar10, are right here.\n"


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


@pytest.mark.parametrize("model", ["pca", "ddpm", "unet", "teaching_wgan_polynomials", "dcgan_lenet5"])
def test_every_kind_of_model(monkeypatch, capsys, model):
    monkeypatch.setattr(check, "verify", lambda convolution: None)
    assert check.main(["--model", model]) == 0
    assert "are right here" in capsys.readouterr().out


def test_what_is_wrong_is_said(monkeypatch, capsys):
    monkeypatch.setattr(check, "verify", lambda each: "it crashes (SIGBUS)" if each.images[1] == 3 else verify(each))
    assert check.main(["--model", "lenet5"]) == 1
    said = capsys.readouterr()
    assert "5x5 convolution, stride 1x1, 3 to 6 channels, 32x32 pixels (lenet.py, line " in said.out
    assert said.out.endswith("): it crashes (SIGBUS).\n")
    assert said.err == "This processor computes 1 of the 4 convolutions of lenet5 wrong; train it elsewhere.\n"


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A folder with a catalogue and a network that can't be mended; puts oneDNN back into this process."""
    (tmp_path / "models.yaml").write_text(OWN)
    (tmp_path / "own_strided.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    torch.backends.mkldnn.set_flags(True)


def test_what_is_known_to_be_bad_is_said_and_avoided(own, capsys):
    assert check.main(["--model", "own", "--overrides", "model.width=5", "--catalogues", str(own)]) == 0
    bad, other, good = capsys.readouterr().out.splitlines()
    assert "1x1 convolution, stride 2x2, 5 to 10 channels, 26x26 pixels (own_strided.py, line 13)" in bad
    assert "30x30 pixels" in other and good.startswith("All 4 convolutions of own")


def test_a_run_says_it_too(own, few, run_of, monkeypatch, capsys):
    monkeypatch.setattr(session, "fit", lambda *_: State())
    run, folder = run_of("lenet5", "epochs=1"), own / "own-mnist5k-s0"
    run.networks["classifier"] = Network("own_strided.Own", {})
    folder.mkdir()
    (folder / "config.json").write_text(run.to_json())
    log = own / "log"
    assert train.main(["--run-dir", str(folder), "--data-dir", str(few), "--log", str(log)]) == 0
    said = f"{run.name}: oneDNN gets the gradients of a convolution wrong on CPUs"
    assert said in capsys.readouterr().err and log.read_text().startswith(said)  # a warning of the GPU may come before
