"""Folders of images: train and test, or a user's own, labelled or not; and their defects."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nets.data.decoding import decode
from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.data.sources import load
from nets.errors import DataError, SourceUnavailable, UserError

CLASSES = {"kind": "class_folder", "folder": "pets"}
OWN = {"kind": "image_folder", "folder": "pets"}


@pytest.fixture(params=["png", "jpg"])
def class_folder(request, root, make_images):
    for seed, (part, count) in enumerate([("train", 10), ("test", 5)]):
        for label, name in enumerate(["cat", "dog"]):
            make_images(root / "pets" / part / name, count, suffix=request.param, seed=10 * seed + label)
    return root / "pets"


def test_class_folder(class_folder, tmp_path, make_entry):
    entry = make_entry(CLASSES, shape=[3, 4, 4], splits={"train": 16, "validation": 4, "test": 10, "seed": 0})
    info = prepare("pets", entry, tmp_path / "out")
    assert info["counts"] == {"train": 16, "validation": 4, "test": 10}
    assert info["class_counts"] == {"train": [8, 8], "validation": [2, 2], "test": [5, 5]}
    assert info["source"]["kind"] == "class_folder" and info["source"]["canonical"] is False
    test = open_split(tmp_path / "out", "test")
    dog = next((class_folder / "test" / "dog").glob("03.*"))
    np.testing.assert_array_equal(test.images[8], np.asarray(Image.open(dog)).transpose(2, 0, 1))
    np.testing.assert_array_equal(test.labels, [0] * 5 + [1] * 5)


def test_a_class_whose_name_is_no_folders(root, make_entry, make_images):
    for part in ("train", "test"):
        for name in ("T-shirt_top", "Bag"):
            make_images(root / "pets" / part / name, 4)
    loaded = load(make_entry(CLASSES, classes=["T-shirt/top", "Bag"]), root)
    assert loaded.learning.labels.tolist() == [0] * 4 + [1] * 4


def test_a_class_without_an_image(class_folder, root, make_entry):
    for path in (class_folder / "train" / "cat").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="train/cat has no image"):
        load(make_entry(CLASSES, shape=[3, 4, 4]), root)


def published(loaded):
    """What a catalogue says of the pixels of a source."""
    return {"train": loaded.learning.identity(), "test": loaded.test.identity()}


@pytest.mark.parametrize("class_folder", ["png"], indirect=True)
def test_a_copy_with_the_published_pixels_is_canonical_whatever_its_files_are_called(class_folder, root, make_entry):
    pixels = published(load(make_entry(CLASSES, shape=[3, 4, 4]), root))
    entry = make_entry({**CLASSES, "pixels": pixels}, shape=[3, 4, 4])
    before = load(entry, root)
    folder = class_folder / "train" / "cat"
    for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        (folder / "deeper").mkdir(exist_ok=True)
        Image.open(path).save(folder / "deeper" / f"{number}.bmp")
        path.unlink()
    after = load(entry, root)
    assert before.canonical and after.canonical
    first, last = (np.concatenate(list(loaded.learning.chunks())) for loaded in (before, after))
    assert not (first == last).all() and sorted(map(bytes, first)) == sorted(map(bytes, last))


@pytest.mark.parametrize("class_folder", ["png"], indirect=True)
@pytest.mark.parametrize("change", ["a pixel", "a label", "a missing image", "a double image", "JPEG", "the parts"])
def test_a_copy_with_other_pixels_or_labels_is_not_canonical(class_folder, root, make_entry, change):
    pixels = published(load(make_entry(CLASSES, shape=[3, 4, 4]), root))
    cat = class_folder / "train" / "cat"
    if change == "a pixel":
        image = Image.open(cat / "03.png")
        image.putpixel((1, 2), tuple(value ^ 1 for value in image.getpixel((1, 2))))
        image.save(cat / "03.png")
    elif change == "a label":
        (cat / "03.png").rename(class_folder / "train" / "dog" / "moved.png")
    elif change == "a missing image":
        (cat / "03.png").unlink()
    elif change == "a double image":
        (cat / "again.png").write_bytes((cat / "03.png").read_bytes())
    elif change == "JPEG":
        Image.open(cat / "03.png").save(cat / "03.jpg", quality=90)
        (cat / "03.png").unlink()
    else:
        for old, new in (("train", "other"), ("test", "train"), ("other", "test")):
            (class_folder / old).rename(class_folder / new)
    loaded = load(make_entry({**CLASSES, "pixels": pixels}, shape=[3, 4, 4], splits={"validation": 2, "seed": 0}), root)
    assert not loaded.canonical


def test_pinned_folder(class_folder, root, make_entry):
    digest = load(make_entry(CLASSES, shape=[3, 4, 4]), root).sha256["pets"]
    pinned = make_entry({**CLASSES, "sha256": digest}, shape=[3, 4, 4])
    load(pinned, root)
    next((class_folder / "train" / "cat").iterdir()).rename(class_folder / "train" / "cat" / "99.png")
    with pytest.raises(DataError, match=f"pets has changed: .*of its 30 images is .*expected {digest}"):
        load(pinned, root)


def test_wrong_count(class_folder, tmp_path, make_entry):
    next((class_folder / "train" / "cat").iterdir()).unlink()
    entry = make_entry(CLASSES, shape=[3, 4, 4], splits={"train": 16, "validation": 4, "test": 10, "seed": 0})
    with pytest.raises(DataError, match="pets: found 19 train and validation images, expected 20"):
        prepare("pets", entry, tmp_path / "out")
    entry["splits"] = {"validation": 4, "test": 9, "seed": 0}
    with pytest.raises(DataError, match="pets: found 10 test images, expected 9"):
        prepare("pets", entry, tmp_path / "out")


def test_class_names(class_folder, root, make_entry, make_images):
    make_images(class_folder / "train" / "bird", 1)
    with pytest.raises(DataError, match="the folder bird is not a class of the catalogue"):
        load(make_entry(CLASSES), root)
    with pytest.raises(DataError, match="the folder eel is missing"):
        load(make_entry(CLASSES, classes=["bird", "cat", "dog", "eel"]), root)


def test_without_a_test_part(class_folder, root, make_entry):
    (class_folder / "test").rename(class_folder / "val")
    with pytest.raises(DataError, match="pets is incomplete: it has train but no test"):
        load(make_entry(CLASSES), root)


def test_own_folder_unlabelled(root, tmp_path, make_entry, make_images):
    make_images(root / "pets", 30, size=(6, 8), suffix="JPG")
    make_images(root / "pets" / "deeper", 10, size=(9, 4))
    (root / "pets" / "notes.txt").write_text("not an image")
    (root / "pets" / "._00.jpg").write_text("what another system leaves behind")
    entry = make_entry({**OWN, "fit": "crop"}, classes=None, splits={"validation": 0.1, "test": 0.2, "seed": 1})
    info = prepare("pets", entry, tmp_path / "out")
    assert info["counts"] == {"train": 28, "validation": 4, "test": 8} and info["class_counts"]["train"] is None
    train, test = (open_split(tmp_path / "out", split) for split in ("train", "test"))
    assert train.images.shape == (32, 1, 4, 4) and test.images.shape == (8, 1, 4, 4)
    assert set(train.labels) == {-1}


def test_own_folder_labelled(root, tmp_path, make_entry, make_images):
    make_images(root / "pets" / "dog", 30)
    make_images(root / "pets" / "cat", 10, seed=1)
    info = prepare("pets", make_entry(OWN), tmp_path / "out")
    assert info["class_counts"] == {"train": [8, 24], "validation": [1, 3], "test": [1, 3]}
    image = Image.open(root / "pets" / "cat" / "00.png").convert("L")
    learning = open_split(tmp_path / "out", "train").images
    rows = {part.tobytes() for part in [*learning, *open_split(tmp_path / "out", "test").images]}
    assert len(rows) == 40 and np.asarray(image).tobytes() in rows


def test_absent(root, make_entry):
    (root / "pets").mkdir()
    for source, sentence in ((OWN, "put images"), (CLASSES, r"put train\|test/<class>/\*\.png")):
        with pytest.raises(SourceUnavailable, match=f"Tiny is not here: {sentence}.* under .*/pets"):
            load(make_entry(source), root)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "not readable as an image"), (b"\x89PNG\r\n\x1a\n broken", "not readable"), (None, "not readable")],
)
def test_unreadable_image(root, tmp_path, make_entry, make_images, content, sentence):
    make_images(root / "pets", 20)
    path = root / "pets" / "07.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(DataError, match=f"07.png is {sentence}.*replace or delete it"):
        prepare("pets", make_entry(OWN, classes=None), tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_other_size_is_refused(root, make_images):
    make_images(root, 1, size=(5, 4))
    with pytest.raises(DataError, match=r"00.png is 5x4 pixels, expected 4x4; resize it, or set `fit: crop`"):
        decode(root / "00.png", (3, 4, 4), "exact")


def test_crop_takes_the_middle(root):
    pixels = np.zeros((4, 12), np.uint8)
    pixels[:, 4:8] = 200
    Image.fromarray(pixels).save(root / "wide.png")
    assert (decode(root / "wide.png", (1, 4, 4), "crop") == 200).all()
    assert decode(root / "wide.png", (1, 2, 2), "crop").shape == (1, 2, 2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_modes(root, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(root / f"a.{suffix}")
    for channels in (1, 3):
        image = decode(root / f"a.{suffix}", (channels, 4, 4), "exact")
        assert image.shape == (channels, 4, 4) and image.dtype == np.uint8 and (image >= 250).all()


def test_deep_images_are_refused(root):
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(root / "deep.png")
    with pytest.raises(DataError, match="more than 8 bits per channel"):
        decode(root / "deep.png", (1, 4, 4), "exact")


def test_turned_by_exif(root):
    image = Image.fromarray(np.repeat([[0], [255]], 16, 1).astype(np.uint8).repeat(8, 0))  # dark above bright
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    image.save(root / "turned.jpg", exif=exif)
    turned = decode(root / "turned.jpg", (1, 16, 16), "exact")[0]
    assert turned[0].mean() > 200 and turned[-1].mean() < 50


@pytest.mark.parametrize("link", ["pets/train/cat/99.png", "pets/train/cat", "pets/more"])
def test_links_out_of_the_folder_are_not_followed(class_folder, root, make_entry, link):
    secret = root / "secret"
    (root / "pets/train/cat").rename(secret)
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(next(secret.iterdir()) if link.endswith("png") else secret)
    for source in (CLASSES, OWN):
        with pytest.raises(UserError, match=rf"{link} is a link out of .*/pets, to .*secret"):
            load(make_entry(source, shape=[3, 4, 4], classes=None if source is OWN else ["cat", "dog"]), root)


def test_the_folder_itself_may_be_a_link(class_folder, root, make_entry, tmp_path):
    class_folder.rename(tmp_path / "large_disk")
    class_folder.symlink_to(tmp_path / "large_disk")
    assert len(load(make_entry(CLASSES, shape=[3, 4, 4]), root).learning.labels) == 20


@pytest.mark.parametrize("place", ["", "/train", "/test"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.touch], ids=["pipe", "file"])
def test_what_is_no_folder_is_named(root, make_entry, place, make):
    folder = root / "cats"
    for part in ("train", "test"):
        (folder / part / "a").mkdir(parents=True)
    path = Path(f"{folder}{place}")
    shutil.rmtree(path)
    make(path)
    with pytest.raises(DataError, match=f"{path} is not a folder; move it away"):
        load(make_entry({"kind": "class_folder", "folder": "cats"}), root)
