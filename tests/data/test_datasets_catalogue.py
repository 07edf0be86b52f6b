"""The catalogue of data sets and its closed schema."""

import copy
import json
from pathlib import Path

import pytest

from nets.data.sources import READERS
from nets.errors import UserError
from nets.suite.catalogues import check_catalogue, load_catalogue, load_entry

PATH = Path("config/datasets.yaml")


def test_the_catalogue_is_valid():
    catalogue = load_catalogue(PATH, "datasets")
    assert {"mnist5k", "polynomials", "mnist", "fashion_mnist", "cifar10", "cifar100"} <= set(catalogue)
    for entry in catalogue.values():
        assert {source["kind"] for source in entry["sources"]} <= {*READERS, "torchvision"}
        assert entry["licence"] and entry["citation"]


def test_class_names_are_torchvisions(catalogue):
    from torchvision import datasets

    assert catalogue["fashion_mnist"]["classes"] == datasets.FashionMNIST.classes
    names = catalogue["cifar100"]["classes"]
    assert len(names) == 100 and names == sorted(names) and names[:2] == ["apple", "aquarium_fish"]


def test_snakemake_accepts_it(catalogue):
    from snakemake.utils import validate

    validate(copy.deepcopy(catalogue), "workflow/schemas/datasets.schema.yaml")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda entry: entry.update(titel="MNIST"), "mnist: unknown key 'titel'; did you mean 'title'"),
        (lambda entry: entry.pop("licence"), "mnist: 'licence' is a required property"),
        (lambda entry: entry["sources"][0].update(folder="x"), r"mnist\.sources\.0: unknown key 'folder'"),
        (lambda entry: entry["sources"][0].update(kind="ftp"), r"mnist\.sources\.0\.kind: 'ftp' is not one of"),
        (lambda entry: entry["sources"][0]["sha256"].popitem(), r"sources\.0\.sha256: .* is a required property"),
        (lambda entry: entry["splits"].update(validation=-1), r"splits\.validation: -1 is less than the minimum"),
        (lambda entry: entry["splits"].update(test=0), r"splits\.test: 0 is less than or equal"),
        (lambda entry: entry["splits"].update(validation=1.5), r"splits\.validation: 1.5 is not of type 'integer'"),
        (lambda entry: entry.update(shape=[28, 28]), r"mnist\.shape"),
        (lambda entry: entry.update(shape=[4, 28, 28]), r"mnist\.shape\.0: 4 is not one of \[1, 3\]"),
        (lambda entry: entry.update(mean=[0.1, 0.2]), "mnist / mean: expected one number per channel"),
        (lambda entry: entry.update(std=None), "mnist: give both mean and std"),
        (lambda entry: entry.update(std=[0]), r"mnist\.std\.0: 0 is less than or equal"),
        (lambda entry: entry.update(splits={"validation": 0.6, "test": 0.6, "seed": 0}), "fractions with the sum 1.2"),
        (
            lambda entry: entry.update(classes=10, source_classes=["a"]),
            "source_classes requires the names",
        ),
        (lambda entry: entry.update(sources=[]), r"mnist\.sources"),
    ],
)
def test_mistakes_are_one_sentence(catalogue, change, sentence):
    entry = copy.deepcopy(catalogue["mnist"])
    change(entry)
    with pytest.raises(UserError, match=f"my.yaml: .*{sentence}.*[.?]$") as error:
        check_catalogue({"mnist": entry}, "datasets", "my.yaml")
    assert "\n" not in str(error.value)


def test_entry_of_its_own(tmp_path, catalogue):
    path = tmp_path / "entry.json"
    path.write_text(json.dumps(catalogue["mnist"]))
    assert load_entry(path, "mnist", "datasets") == catalogue["mnist"]
    path.write_text("{")
    with pytest.raises(UserError, match="entry.json, line 2: this is not YAML"):
        load_entry(path, "mnist", "datasets")
    with pytest.raises(UserError, match=r"none.yaml: .*can't be read \(No such file"):
        load_catalogue(tmp_path / "none.yaml", "datasets")
