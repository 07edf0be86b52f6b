"""A row whose network does not fit is told once, in one sentence, before anything trains."""

import pytest

from nets.errors import ConfigError
from nets.jobs import fit
from nets.run import write_runs
from nets.suite.expansion import load_runs

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
MODELS = """
outputs:
  title: Seven outputs
  task: classification
  citation: none
  networks:
    classifier: {class: torchvision.models.squeezenet1_1, args: {num_classes: 7}}
channels:
  title: Three channels
  task: classification
  citation: none
  networks:
    classifier: {class: torchvision.models.squeezenet1_1, args: {num_classes: $num_classes}}
misspelt:
  title: Misspelt
  task: classification
  citation: none
  networks:
    classifier: {class: torchvision.models.squeezenet9, args: {}}
declared:
  title: Declared
  task: classification
  citation: none
  channels: 3
  networks:
    classifier: {class: torchvision.models.squeezenet1_1, args: {num_classes: $num_classes}}
"""


@pytest.fixture
def tried(tmp_path):
    """A function from rows to the status of the job; the folder of results is `tmp_path/results`."""
    (tmp_path / "models.yaml").write_text(MODELS)

    def run(*rows, trained=()):
        table = tmp_path / "own.tsv"
        table.write_text(HEADER + "".join("\t".join(row.split("|")) + "\n" for row in rows))
        results = tmp_path / "results"
        write_runs(load_runs(table), results / "runs.jsonl")
        for name in trained:
            (results / "runs" / name).mkdir(parents=True)
            (results / "runs" / name / "manifest.json").write_text("{}")
        return fit.main(["--results", str(results)])

    return run


def test_rows_that_fit_say_nothing(tried, capsys):
    assert tried("channels|cifar10||short|0-1|augment.flip=false", "lenet5|mnist5k||lenet5|0|") == 0
    assert capsys.readouterr() == ("", "")


def test_each_network_that_does_not_fit_is_told_once(tried, capsys):
    rows = ["outputs|cifar10||short|0-4|", "outputs|cifar10|longer|short|0|epochs=9", "channels|mnist5k||short|0-1|"]
    assert tried(*rows, "misspelt|cifar10||short|0|", "lenet5|mnist5k||lenet5|0|") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "outputs-cifar10-s0 (and 5 more like it): torchvision.models.squeezenet1_1 makes (2, 7) of"
    )
    assert lines[0].endswith("its task needs the shape (2, 10).")
    assert (
        "channels-mnist5k-s0 (and 1 more like it): torchvision.models.squeezenet1_1 fails on two images (2, 1,"
        in lines[1]
    )
    assert "to have 3 channels, but got 1 channels" in lines[1]
    assert "squeezenet9 of models.yaml can't be imported" in lines[2]


def test_runs_that_have_been_trained_are_not_tried(tried, capsys):
    assert tried("outputs|cifar10||short|0|", trained=["outputs-cifar10-s0"]) == 0


def test_channels_that_an_entry_names_are_checked_without_torch(tried):
    assert tried("declared|cifar10||short|0|") == 0
    with pytest.raises(
        ConfigError, match="line 2: declared takes images with 3 channels, mnist5k has 1; choose another"
    ):
        tried("declared|mnist5k||short|0|")
