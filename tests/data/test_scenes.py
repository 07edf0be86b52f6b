"""The generated scenes: golden bits, disjoint digits, and masks that match their images."""

import json

import numpy as np
import pytest

from nets.data import scenes
from nets.data.entries import check_entries
from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.errors import DataError

GOLDEN = "7e434b134905ab1ea4bae1f7694b68615a6930705715f07713b694bc6b236d12"


@pytest.fixture(scope="module")
def prepared(catalogue, tmp_path_factory):
    out = tmp_path_factory.mktemp("scenes")
    prepare("digit_scenes", catalogue["digit_scenes"], out)
    return out


def test_golden_hash(prepared, catalogue):
    info = json.loads((prepared / "dataset.json").read_text())
    assert info["source"]["sha256"] == {"scenes": GOLDEN}
    assert catalogue["digit_scenes"]["sources"][0]["sha256"] == GOLDEN
    assert scenes.VERSION == 1, "a new golden hash needs a new version"
    assert info["counts"] == {"train": 2800, "validation": 400, "test": 800}
    assert info["void"] is None and {"learning/masks.npy", "test/masks.npy"} < set(info["hashes"])


def test_large_digits_are_alone_in_their_scenes(catalogue, tmp_path):
    info = prepare("large", catalogue["large_digit_scenes"], tmp_path)
    assert info["source"]["canonical"] and info["counts"] == {"train": 1050, "validation": 150, "test": 300}
    split = open_split(tmp_path, "test")
    assert split.masks.shape == (300, 96, 96)
    assert all(len(np.unique(mask)) == 2 for mask in split.masks)
    longer = [max(np.ptp(places) + 1 for places in np.nonzero(mask)) for mask in split.masks]
    assert min(longer) > 0.9 * 80 * 20 / 28 and max(longer) < 1.1 * 96 * 20 / 28  # ink fills 20 of MNIST's 28 pixels


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"digits": [5, 2]}, r"digit_scenes / digits: expected \[least, most\], not \[5, 2\]"),
        ({"sizes": [40, 24]}, r"digit_scenes / sizes: expected \[least, most\], not \[40, 24\]"),
        ({"sizes": [24, 65]}, "digit_scenes / sizes: a digit of 65 pixels does not fit into a scene of 64x64"),
        ({"shape": [3, 64, 64]}, "digit_scenes / shape: digit scenes are grey, so the first number must be 1, not 3"),
        ({"shape": [1, 64, 32]}, "digit_scenes / sizes: a digit of 40 pixels does not fit into a scene of 64x32"),
    ],
)
def test_the_catalogue_reports_digits_that_do_not_fit(catalogue, changes, sentence):
    entry = catalogue["digit_scenes"]
    shape = {"shape": changes.pop("shape")} if "shape" in changes else {}
    entry = entry | {"sources": [{k: v for k, v in entry["sources"][0].items() if k != "sha256"} | changes]} | shape
    with pytest.raises(DataError, match=f"^my.yaml: {sentence}"):
        check_entries({"digit_scenes": entry}, "my.yaml")


def test_masks_are_opened_with_their_images(prepared):
    for name, count in (("train", 3200), ("validation", 3200), ("test", 800)):
        split = open_split(prepared, name)
        assert isinstance(split.masks, np.memmap)
        assert split.masks.shape == (count, 64, 64) and split.images.shape == (count, 1, 64, 64)
        assert set(split.labels) == {-1}
        assert np.unique(split.masks[split.indices[:200]]).tolist() == list(range(11))


def test_digits_are_brighter_than_their_ground(prepared):
    split = open_split(prepared, "test")
    inked, ground = split.images[:, 0][split.masks > 0], split.images[:, 0][split.masks == 0]
    assert inked.mean() > 2 * ground.mean()


def test_splits_are_made_of_different_digits_and_seeds_differ():
    """Digits filled with their own index, so that each pixel of ink tells its digit."""
    labels = np.repeat(np.arange(10), 500)
    seen = []

    class Digits:
        def __getitem__(self, row):
            seen.append(row)
            return np.full((28, 28), 255.0)

    made = scenes.generate(Digits(), labels, 100, 0, 64, 64, (2, 5), (24, 40))
    ends = np.cumsum([sum(len(images) for images, _ in [made[split]]) for split in made])
    assert ends.tolist() == [70, 80, 100]
    rows = {name: set(part) for name, part in scenes.divide(labels, scenes.SPLITS, None).items()}
    groups = [next(name for name, part in rows.items() if row in part) for row in seen]
    assert groups == sorted(groups, key=list(rows).index) and set(groups) == {"train", "validation", "test"}
    assert scenes.sha256(scenes.generate(Digits(), labels, 100, 1, 64, 64, (2, 5), (24, 40))) != scenes.sha256(made)
