"""What people write is read within bounds: few bytes neither fill the memory, nor take long, nor end the process."""

import os
import time

import pytest

from nets.errors import ConfigError
from nets.suite.catalogues import load_catalogues, load_entry
from nets.suite.documents import read_yaml
from nets.suite.expansion import load_runs
from nets.suite.table import parse_value

ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "aliases": (ALIASES, "line 5: .*more than 50,000 values"),
    "merges": (MERGES, "more than 50,000 values"),
    "lists": ("[" * 100_000, "line 1: .*nested more than 20 deep"),
    "mappings": ("{a: " * 100_000, "nested more than 20 deep"),
    "dashes": ("- " * 100_000, "nested more than 20 deep"),
    "a loop": ("a: &a [*a]", "is inside what it stands for"),
    "a long text": ("a: " + "x" * 20_000, "more than 10,000 characters"),
    "a long key": (f"{'x' * 20_000}: 1", "more than 10,000 characters"),
    "many values": ("[" + "0," * 60_000 + "0]", "more than 50,000 values"),
    "a long number": ("a: " + "9" * 9_000, "can't be read|18 digits"),
    "a hexadecimal number": ("a: 0x" + "f" * 9_000, "18 digits"),
    "not a number": ("a: [.nan]", "not finite"),
    "infinity": ("a: {b: -.inf}", "not finite"),
    "no day": ("a: 2020-13-45", "can't be read"),
    "code": ("a: !!python/object/apply:os.abort []", "could not determine a constructor"),
    "a long file": ("#" * (1 << 20) + "\na: 1", "more than 1 MiB"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_one_sentence_at_once(tmp_path, bomb):
    text, sentence = BOMBS[bomb]
    path = tmp_path / "datasets.yaml"
    path.write_text(text)
    began = time.process_time()
    for read in (
        read_yaml,
        lambda path: load_entry(path, "mine", "datasets"),
        lambda path: load_catalogues(path.parent),
    ):
        with pytest.raises(ConfigError, match=sentence) as error:
            read(path)
        assert str(error.value).startswith(str(path)) and len(str(error.value)) < 500
    assert time.process_time() - began < 2


def test_a_pipe_or_a_device_is_no_catalogue(tmp_path):
    os.mkfifo(tmp_path / "models.yaml")
    with pytest.raises(ConfigError, match="models.yaml: the catalogue is not a plain file"):
        load_catalogues(tmp_path)
    (tmp_path / "models.yaml").unlink()
    (tmp_path / "models.yaml").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="models.yaml: the catalogue is not a plain file"):
        load_catalogues(tmp_path)


def test_a_command_may_write_an_entry(tmp_path):
    """As the rule `prepare` gives it, `--entry <(printf ...)`."""
    reading, writing = os.pipe()
    os.write(writing, b'{"a": 1}')
    os.close(writing)
    assert read_yaml(f"/dev/fd/{reading}", piped=True) == {"a": 1}
    os.close(reading)


def test_aliases_and_merges_within_bounds(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {x: 1, y: &y [2]}\nb: {<<: *a, y: *y}\nc: *a\n")
    assert read_yaml(path) == {"a": {"x": 1, "y": [2]}, "b": {"x": 1, "y": [2]}, "c": {"x": 1, "y": [2]}}


def test_the_projects_catalogues_are_far_from_the_bounds(tmp_path):
    load_catalogues(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "&a [*a]"])
def test_a_cell_beyond_the_bounds_stays_text(text):
    assert parse_value(text) == text


@pytest.mark.parametrize("value", [".nan", "[1,.inf]", "1e999", "9" * 40, "1e40"])
def test_a_cell_holds_finite_numbers(tmp_path, value):
    (tmp_path / "my.tsv").write_text(
        f"model\tdataset\trecipe\tseeds\toverrides\nlenet5\tmnist5k\tlenet5\t0\tepochs={value}\n"
    )
    with pytest.raises(ConfigError, match="is not a finite number"):
        load_runs(tmp_path / "my.tsv")
