"""Division into train, validation and test: seeded, stratified, the same on every machine."""

import numpy as np

from nets.errors import DataError


def divide(
    labels: np.ndarray, splits: dict, own_test: int | None, own_validation: int | None = None
) -> dict[str, np.ndarray]:
    """Sorted rows of `train`, `validation` and `test`, int64.

    `labels` (N,) are those of the learning part. `own_test` is the size of the source's own test part, whose rows are
    0..own_test-1. Without one, the test rows are taken from the learning part first, so that they do not depend on the
    other splits. Next, `unused` rows are left out, to train on few labels. `validation: 0` leaves all other rows to
    train on; without `validation` there is only test data. `own_validation` is the size of the source's own validation
    part, at the end of the learning part. Raises DataError if the counts differ from `splits`.
    """
    random = np.random.RandomState(splits["seed"])
    rows = np.arange(len(labels))
    if own_test is None:
        if "test" not in splits:
            raise DataError("the source has no test part of its own: under splits, set test to a number of images.")
        test = _cut(labels, _number(splits["test"], len(labels)), random)
        rows = np.setdiff1d(rows, test)
    else:
        test = np.arange(own_test)
        if splits.get("test", own_test) != own_test:
            raise DataError(f"found {own_test} test images, expected {splits['test']}.")
    if "validation" not in splits:
        return {"train": rows[:0], "validation": rows[:0], "test": test}
    if "unused" in splits:
        rows = np.setdiff1d(rows, rows[_cut(labels[rows], _number(splits["unused"], len(labels)), random)])
    if splits["validation"] == 0:
        validation = rows[:0]
    elif own_validation is None:
        validation = rows[_cut(labels[rows], _number(splits["validation"], len(labels)), random)]
    else:
        validation = rows[len(rows) - own_validation :]
        if splits["validation"] != own_validation:
            raise DataError(f"found {own_validation} validation images, expected {splits['validation']}.")
    train = np.setdiff1d(rows, validation)
    if splits.get("train", len(train)) != len(train):
        expected = splits["train"] + len(validation)
        raise DataError(f"found {len(rows)} train and validation images, expected {expected}.")
    if not min(len(train), len(validation) or splits["validation"] == 0, len(test)):
        raise DataError(f"{len(labels)} images are too few: train, validation and test need one each.")
    return {"train": train, "validation": validation, "test": test}


def _number(share: float, total: int) -> int:
    return int(share) if share >= 1 else round(share * total)


def _cut(labels: np.ndarray, count: int, random: np.random.RandomState) -> np.ndarray:
    """`count` sorted rows, in which each label has its overall frequency (by largest remainders)."""
    if count >= len(labels):
        raise DataError(f"found {len(labels)} images, too few to set {count} aside.")
    values, counts = np.unique(labels, return_counts=True)
    take, remainder = np.divmod(counts * count, len(labels))
    first = np.argsort(-remainder, kind="stable")[: count - take.sum()]
    take[first] += 1
    chosen = [random.permutation(np.flatnonzero(labels == value))[:n] for value, n in zip(values, take, strict=True)]
    return np.sort(np.concatenate(chosen))
