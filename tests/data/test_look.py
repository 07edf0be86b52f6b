"""A look at prepared data: what is refused, what is noted, and what it costs."""

import json
import time

import numpy as np
import pytest
import torch
from PIL import Image

from nets.data.batches import PixelRange
from nets.data.loaded import Loaded, Part
from nets.data.look import digests_of, look
from nets.data.preparation import prepare
from nets.data.prepared import majority
from nets.errors import DataError
from nets.jobs import prepare as job

SPLITS = {"train": 60, "validation": 20, "test": 20, "seed": 0}


@pytest.fixture
def prepared(make_entry, tmp_path, monkeypatch):
    """Prepares arrays: images (N, C, H, W) and labels (N,), or `drawn` masks (N, H, W); 20 are for tests."""

    def make(images, labels=None, drawn=None, **changes):
        labels = np.full(len(images), -1) if labels is None else np.asarray(labels)
        parts = [
            Part.of(images[rows], labels[rows], None if drawn is None else drawn[rows])
            for rows in (slice(0, 80), slice(80, 100))
        ]
        loaded = Loaded(*parts, "arrays", "memory", True, {})
        monkeypatch.setattr("nets.data.preparation.load", lambda entry, root: loaded)
        entry = make_entry(shape=list(images.shape[1:]), splits=SPLITS, **changes)
        return prepare("tiny", entry, tmp_path / "out")

    return make


@pytest.fixture
def noise():
    return np.random.RandomState(0).randint(0, 256, (100, 3, 4, 4), np.uint8)


HALVES = np.arange(100) % 2


def test_a_split_without_images_has_no_notes(prepared, noise, monkeypatch):
    monkeypatch.setitem(SPLITS, "train", 80)
    monkeypatch.setitem(SPLITS, "validation", 0)
    assert prepared(noise, HALVES)["look"]["notes"] == []


def test_good_data_have_no_notes(prepared, noise):
    info = prepared(noise, HALVES)
    assert info["look"]["notes"] == [] and set(info["look"]["shared"].values()) == {0}
    assert info["look"]["distinct"] == {"train": 60, "validation": 20, "test": 20}


def test_a_channel_that_never_varies_is_noted_and_makes_no_nan(prepared, noise):
    noise[:, 1] = 77
    info = prepared(noise, HALVES)
    assert info["look"]["notes"] == ["Channel 2 of the training images hardly varies."]
    assert info["std"][1] == 1 and info["measured"]["std"][1] == 0 and info["std"][0] == info["measured"]["std"][0] < 1
    pixels = PixelRange(tuple(info["mean"]), tuple(info["std"])).apply(torch.from_numpy(noise).float() / 255)
    assert pixels.isfinite().all() and pixels[:, 1].abs().max() < 1e-5


def test_a_channel_that_hardly_varies_does_not_explode(prepared, noise):
    noise[:, 1] = 0
    noise[90, 1, 0, 0] = 255  # in the test images only
    noise[5, 1, 0, 0] = 1
    info = prepared(noise, HALVES)
    pixels = PixelRange(tuple(info["mean"]), tuple(info["std"])).apply(torch.from_numpy(noise).float() / 255)
    assert info["look"]["notes"] == ["Channel 2 of the training images hardly varies."] and pixels.abs().max() < 10


def test_published_statistics_stay(prepared, noise):
    noise[:, 1] = 77
    info = prepared(noise, HALVES, mean=[0.5] * 3, std=[0.25] * 3)
    assert info["std"] == [0.25] * 3 and len(info["look"]["notes"]) == 1


@pytest.mark.parametrize(("rows", "words"), [(slice(0, 100), "60 training"), (slice(80, 100), "20 test")])
def test_images_that_are_all_alike_are_refused(prepared, noise, rows, words):
    noise[rows] = noise[0]
    with pytest.raises(DataError, match=f"tiny from memory: all {words} images are the same; look at the files"):
        prepared(noise, HALVES)


def test_images_that_are_often_alike(prepared, noise):
    noise[:78] = noise[np.arange(78) % 2]
    info = prepared(noise, HALVES)
    distinct = info["look"]["distinct"]
    assert distinct["train"] <= 4
    assert info["look"]["notes"][0] == f"The 60 training images are only {distinct['train']} different ones."


def test_images_in_two_splits(prepared, noise):
    noise[80:83] = noise[:3]
    labels = HALVES.copy()
    labels[80:83] = labels[:3]
    notes = prepared(noise, labels)["look"]["notes"]
    assert 1 <= len(notes) <= 2 and all(" of the 20 test images " in note for note in notes)
    assert sum(int(note.split()[0]) for note in notes) == 3
    noise[80:100] = noise[:20]
    with pytest.raises(DataError, match="of the 20 test images are in training too; a test needs images of its own"):
        prepared(noise, HALVES)


def test_images_in_two_classes(prepared, noise):
    noise[1] = noise[0]
    assert prepared(noise, HALVES)["look"]["notes"][-1] == "1 image is in several classes, such as cat and dog."
    noise[1:80:2] = noise[0:80:2]
    with pytest.raises(DataError, match="more than half of the training images are in several classes"):
        prepared(noise, HALVES)


def test_classes_without_an_image(prepared, noise):
    labels = HALVES.copy()
    labels[80:] = 0
    info = prepared(noise, labels, classes=["cat", "dog", "eel"])
    assert info["look"]["notes"] == [
        "No training image is of eel.",
        "No validation image is of eel.",
        "No test image is of dog, eel.",
        "100.0 % of the test images are of cat: always answering that is right as often.",
    ]
    with pytest.raises(
        DataError, match="all training data are of one class: there is nothing to learn; add the others"
    ):
        prepared(noise, np.where(np.arange(100) < 80, 0, HALVES))


def test_a_frequent_class_is_named(prepared, noise):
    info = prepared(noise, (np.arange(100) % 20 == 0).astype(int))
    assert info["look"]["notes"] == ["95.0 % of the test images are of cat: always answering that is right as often."]
    assert [majority(info, split) for split in ("train", "validation", "test")] == [0.95] * 3


def test_masks(prepared, noise):
    masks = np.zeros((100, 4, 4), np.uint8)
    masks[:, 0], masks[:, 1] = 1, 2
    changes = {"classes": ["ground", "car", "sky", "sign"], "masks": {"void": 2}}
    info = prepared(noise, drawn=masks, **changes)
    assert info["class_pixels"]["test"] == [160, 80, 0, 0] and info["class_counts"]["test"] is None
    assert info["look"]["notes"][2] == "No test pixel is of sky, sign."
    assert majority(info, "test") == pytest.approx(2 / 3)
    masks[:] = 0
    masks[:, 0, :2] = [1, 3]
    notes = prepared(noise, drawn=masks, **changes)["look"]["notes"]
    # ground has an IoU of 14 / 16, car and sign have one of 0
    assert notes[-1] == "87.5 % of the test pixels are of ground: always answering that has a mean IoU of 29.2 %."
    masks[80:] = 2
    with pytest.raises(DataError, match="no test mask has a pixel that counts; correct the masks, or `void`"):
        prepared(noise, drawn=masks, **changes)
    masks[:] = 0
    with pytest.raises(DataError, match="all training data are of one class"):
        prepared(noise, drawn=masks, **changes)


def test_nothing_that_is_refused_looks_prepared(prepared, noise, tmp_path):
    prepared(noise, HALVES)
    with pytest.raises(DataError):
        prepared(noise[[0] * 100], HALVES)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_sixty_thousand_images_cost_little():
    images = np.random.RandomState(0).randint(0, 256, (60_000, 1, 28, 28), np.uint8)
    labels = np.arange(60_000) % 10
    began = time.process_time()
    digests = digests_of(images)
    split = {"train": slice(0, 50_000), "validation": slice(50_000, 51_000), "test": slice(51_000, 60_000)}
    counts = {name: np.bincount(labels[rows]).tolist() for name, rows in split.items()}
    entry = {"classes": list("abcdefghij")}
    seen = {name: digests[rows] for name, rows in split.items()}
    assert look("x", entry, seen, {name: labels[rows] for name, rows in split.items()}, counts, [0.3])["notes"] == []
    assert time.process_time() - began < 2


def test_icons_on_a_transparent_ground(root, tmp_path, make_entry, capsys):
    """They differ in their transparency only; black ones are laid on white, white ones would all be alike."""
    (root / "pets").mkdir()
    entry = tmp_path / "entry.json"
    source = {"kind": "image_folder", "folder": "pets"}
    entry.write_text(json.dumps(make_entry(source, classes=None, splits={"validation": 5, "test": 5, "seed": 0})))
    arguments = ["--dataset", "icons", "--entry", str(entry), "--output", str(tmp_path / "out")]
    for ink, status in ((0, 0), (255, 1)):
        for number, alpha in enumerate(np.random.RandomState(0).randint(0, 256, (20, 4, 4), np.uint8)):
            pixels = np.full((4, 4, 4), ink, np.uint8)
            pixels[..., 3] = alpha
            Image.fromarray(pixels).save(root / "pets" / f"{number}.png")
        assert job.main(arguments) == status
    out, error = capsys.readouterr()
    assert "; transparency laid on white in 20 files (" in out
    assert "all 10 training images are the same; look at the files" in error


def test_the_job_prints_notes(root, tmp_path, make_entry, make_images, capsys):
    make_images(root / "pets" / "cat", 95)
    make_images(root / "pets" / "dog", 5, seed=1)
    entry = tmp_path / "entry.json"
    entry.write_text(json.dumps(make_entry({"kind": "image_folder", "folder": "pets"}, splits={**SPLITS, "train": 60})))
    assert job.main(["--dataset", "tiny", "--entry", str(entry), "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "tiny: 95.0 % of the test images are of cat: always answering that is right as often."
    ]
