"""Splits: disjoint, complete, stratified, seeded."""

import hashlib

import numpy as np
import pytest

from nets.data.splits import divide
from nets.errors import DataError

LABELS = np.random.RandomState(0).choice(4, 1000, p=[0.5, 0.3, 0.15, 0.05])
SPLITS = {"validation": 100, "test": 150, "seed": 0}


def test_disjoint_and_complete():
    rows = divide(LABELS, SPLITS, None)
    assert {split: len(values) for split, values in rows.items()} == {"train": 750, "validation": 100, "test": 150}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(1000))
    assert all((np.diff(values) > 0).all() for values in rows.values())


def test_every_class_has_its_share():
    share = np.bincount(LABELS) / 1000
    for values in divide(LABELS, SPLITS, None).values():
        assert (np.abs(np.bincount(LABELS[values]) - share * len(values)) <= 1).all()


def test_own_test_part_leaves_the_learning_part_whole():
    rows = divide(LABELS, {"validation": 100, "seed": 0}, 77)
    np.testing.assert_array_equal(rows["test"], np.arange(77))
    np.testing.assert_array_equal(np.union1d(rows["train"], rows["validation"]), np.arange(1000))


def test_seeded():
    def digest(seed):
        rows = divide(LABELS, {**SPLITS, "seed": seed}, None)
        return hashlib.sha256(b"".join(rows[name].tobytes() for name in ("validation", "test"))).hexdigest()

    assert digest(0) == digest(0) == "351fdd786b45e54ae717bb8fcc94c59d6c17f793dc7580dc74d8f2759c99b87d"
    assert digest(1) != digest(0)


def test_test_rows_depend_on_nothing_but_seed_and_count():
    first = divide(LABELS, SPLITS, None)["test"]
    np.testing.assert_array_equal(first, divide(LABELS, {**SPLITS, "validation": 0.3}, None)["test"])


def test_fractions_are_of_the_whole():
    rows = divide(np.full(200, -1), {"validation": 0.05, "test": 0.1, "seed": 0}, None)
    assert {split: len(values) for split, values in rows.items()} == {"train": 170, "validation": 10, "test": 20}


@pytest.mark.parametrize(
    ("changes", "own_test", "sentence"),
    [
        ({"train": 700}, None, "found 850 train and validation images, expected 800"),
        ({"test": 1000}, None, "found 1000 images, too few to set 1000 aside"),
        ({"validation": 900}, None, "too few to set 900"),
        ({"validation": 0.0001}, None, "need one each"),
        ({}, 149, "found 149 test images, expected 150"),
        ({"test": 0.1}, 149, "found 149 test images, expected 0.1"),
    ],
)
def test_impossible(changes, own_test, sentence):
    with pytest.raises(DataError, match=sentence):
        divide(LABELS, SPLITS | changes, own_test)


def test_no_test_images_at_all():
    with pytest.raises(DataError, match="no test part of its own"):
        divide(LABELS, {"validation": 10, "seed": 0}, None)


def test_no_validation_images_leave_all_others_to_train_on():
    rows = divide(LABELS, {"validation": 0, "test": 150, "seed": 0}, None)
    assert {split: len(values) for split, values in rows.items()} == {"train": 850, "validation": 0, "test": 150}
    np.testing.assert_array_equal(rows["test"], divide(LABELS, SPLITS, None)["test"])
    rows = divide(LABELS, {"train": 1000, "validation": 0, "seed": 0}, 77)
    np.testing.assert_array_equal(rows["train"], np.arange(1000))
