"""Which runs are trained once more and tested after every epoch: those whose rows, or whose suite, ask for it."""

from pathlib import Path

import pytest

from nets.errors import ConfigError
from nets.suite.expansion import load_runs
from nets.suite.paths import repeated
from nets.suite.settings import job_environment

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"


def runs(folder: Path, *rows: str) -> list:
    (folder / "my.tsv").write_text(HEADER + "\n".join(rows) + "\n")
    return load_runs(folder / "my.tsv")


def test_a_row_asks_for_a_repetition_and_other_rows_are_described_as_before(tmp_path):
    plain, asked = (
        runs(tmp_path, f"mlp\tmnist5k\t\tmlp\t0\t{more}")[0] for more in ("", "options.test_every_epoch=true")
    )
    assert repeated("results/my", [plain]) == []
    assert repeated("results/my", [plain, asked]) == ["results/my/runs/mlp-mnist5k-s0/repeated.json"]
    assert "test_every_epoch" not in plain.recipe.options, "the description, and with it the key, of old rows is kept"


def test_a_suite_asks_for_all_that_learn_and_choose_weights(tmp_path):
    rows = ["mlp\tmnist5k\t\tmlp\t0-1\t", "dcgan\tmnist5k\t\tdcgan\t0\t", "fcn8s\tdigit_scenes\t\tfcn_small\t0\t"]
    names = [Path(path).parent.name for path in repeated("results/my", runs(tmp_path, *rows), all_of_them=True)]
    assert names == ["mlp-mnist5k-s0", "mlp-mnist5k-s1", "fcn8s-digit_scenes-s0"], "no generator, no extractor"


def test_generators_have_no_such_option(tmp_path):
    with pytest.raises(ConfigError, match="test_every_epoch"):
        runs(tmp_path, "dcgan\tmnist5k\t\tdcgan\t0\toptions.test_every_epoch=true")


def test_the_setting_is_true_or_false():
    with pytest.raises(ConfigError, match="test_every_epoch=yes: set it to true or false"):
        job_environment({"test_every_epoch": "yes"}, Path("config/quick.tsv"))
