"""Every file of a folder is taken, counted among those skipped, or refused."""

import os
import unicodedata

import pytest
from PIL import Image

from nets.data.listing import Listing, account_in_words
from nets.data.preparation import in_words, prepare
from nets.data.sources import load
from nets.errors import DataError, UserError

OWN = {"kind": "image_folder", "folder": "pets"}
CLASSES = {"kind": "class_folder", "folder": "pets"}
MASKS = {"kind": "mask_folder", "folder": "streets"}


def counts(listing):
    return {(row["why"], row["folder"]): row["files"] for row in listing.account()}


def test_all_images_are_taken_however_they_are_called_and_however_deep(root, make_images):
    for suffix in ("png", "JPG", "jpeg", "Jpe", "jfif", "bmp", "webp", "tif", "TIFF", "gif", "ppm"):
        make_images(root / suffix / "deeper" / "still", 1, suffix=suffix)
    listing = Listing(root)
    assert len(listing.images(root)) == 11 and listing.account() == []


def test_what_is_passed_by_is_counted_with_reason_place_and_an_example(root, make_images):
    make_images(root / "a", 2)
    for name in ("a/notes.txt", "a/more.txt", "a/.DS_Store", "a/001", ".cache/x/1.png", "b/Thumbs.db"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    listing = Listing(root)
    assert len(listing.images(root)) == 2
    assert counts(listing) == {
        ("no image (.txt)", "a"): 2,
        ("no image (no suffix)", "a"): 1,
        ("no image (.db)", "b"): 1,
        ("hidden", "a"): 1,
        ("hidden", ".cache/x"): 1,
    }
    assert {row["example"] for row in listing.account()} == {"more.txt", "001", "Thumbs.db", ".DS_Store", "1.png"}
    assert account_in_words(listing.account()).startswith("6 files skipped: 2 ")


def test_an_account_is_short(root):
    for number in range(200):
        (root / str(number)).mkdir()
        (root / str(number) / "notes.txt").write_text("")
        (root / f"frame.{number:09}").write_text("")
    listing = Listing(root)
    assert listing.images(root) == [] and len(listing.account()) == 51
    assert account_in_words(listing.account()) == "400 files skipped: 200 no image, 200 no image (.txt)"


@pytest.mark.parametrize("name", ["a.heic", "A.AVIF", "a.svg", "a.psd", "a.eps"])
def test_an_image_that_is_not_read_is_refused(root, make_images, name):
    make_images(root / "pets", 3)
    (root / "pets" / name).write_text("")
    with pytest.raises(DataError, match=f"{name} is in a format that is not read; convert it to PNG, JPEG, .*or move"):
        Listing(root).images(root)


def test_links_and_what_is_no_file(root, make_images):
    make_images(root / "elsewhere", 2)
    (root / "pets").mkdir()
    (root / "pets" / "linked").symlink_to(root / "elsewhere")
    (root / "pets" / "one.png").symlink_to(root / "elsewhere" / "00.png")
    assert len(Listing(root).images(root / "pets")) == 3
    (root / "pets" / "gone.png").symlink_to(root / "nowhere")
    with pytest.raises(DataError, match="gone.png is a link to a file that is missing; restore the file, or remove it"):
        Listing(root).images(root / "pets")
    (root / "pets" / "gone.png").unlink()
    os.mkfifo(root / "pets" / "pipe.png")
    with pytest.raises(UserError, match="pipe.png is neither a file nor a folder"):
        Listing(root).images(root / "pets")
    (root / "pets" / "pipe.png").unlink()
    (root / "pets" / "again").symlink_to(root / "pets")
    with pytest.raises(DataError, match="again is a link in circles"):
        Listing(root).images(root / "pets")


def test_a_huge_file_is_refused_before_it_is_read(root):
    (root / "pets").mkdir()
    with open(root / "pets" / "a.png", "wb") as file:
        file.truncate(10**12)
    with pytest.raises(DataError, match="a.png has 953674 MiB, more than 244; make it smaller"):
        Listing(root).images(root)


def test_folders_of_classes_may_have_folders(root, make_entry, make_images):
    for seed, name in enumerate(("cat/indoors/2024", "cat", "dog/outdoors")):
        make_images(root / "pets" / name, 6, seed=seed)
    make_images(root / "pets" / ".ipynb_checkpoints", 3)
    loaded = load(make_entry(OWN), root)
    assert loaded.learning.labels.tolist() == [0] * 12 + [1] * 6
    hidden = {"why": "hidden", "folder": ".ipynb_checkpoints", "files": 3, "example": "00.png"}
    assert loaded.passed_by == [hidden]


@pytest.mark.parametrize("source", [OWN, CLASSES, {"kind": "imagenet", "folder": "pets", "resize": 4}])
def test_images_beside_the_folders_of_classes_are_refused(root, make_entry, make_images, source):
    top = "train/" if source is CLASSES else ""
    for name in (f"{top}cat", f"{top}dog", "test/cat", "test/dog") if top else ("cat", "dog"):
        make_images(root / "pets" / name, 4)
    entry = make_entry(source, **({"classes": 2} if source["kind"] == "imagenet" else {}))
    load(entry, root)
    make_images(root / "pets" / top, 1)
    with pytest.raises(DataError, match="00.png is in no class's folder; move it into one of the folders beside it"):
        load(entry, root)


def test_classes_that_are_one_folder_deeper(root, make_entry, make_images):
    for name in ("cat", "dog"):
        make_images(root / "pets" / "images" / name, 4)
    with pytest.raises(
        DataError, match="the folder cat is missing; the classes are in .*/pets/images: name that folder"
    ):
        load(make_entry(OWN), root)


def test_a_part_for_validation_is_taken(root, tmp_path, make_entry, make_images):
    for seed, name in enumerate(["train/cat", "train/dog", "val/cat", "val/dog", "test/cat", "test/dog"]):
        make_images(root / "pets" / name, 4, seed=seed)
    entry = make_entry(CLASSES, splits={"train": 8, "validation": 8, "test": 8, "seed": 0})
    assert prepare("pets", entry, tmp_path / "out")["class_counts"] == dict.fromkeys(
        ("train", "validation", "test"), [4, 4]
    )
    (root / "pets" / "val").rename(root / "pets" / "valid")
    with pytest.raises(DataError, match="pets/valid is not read, only train, val and test are; rename it, or move it"):
        prepare("pets", entry, tmp_path / "out")
    (root / "pets" / "valid").rename(root / "pets" / "originals")
    loaded = load(entry, root)
    assert sum(row["files"] for row in loaded.passed_by) == 8
    assert {row["why"] for row in loaded.passed_by} == {"in another folder than train, val and test"}


def test_masks_and_images_that_miss_each_other(root, tmp_path, make_entry):
    for part in ("train", "test"):
        for kind in ("images", "masks", "overlays"):
            (root / "streets" / part / kind).mkdir(parents=True)
            for number in range(4):
                tone = number + 50 * (part == "test")
                Image.new("L", (4, 4), tone if kind != "masks" else number % 2).save(
                    root / "streets" / part / kind / f"{number}.png"
                )
    (root / "streets/train/images/3.png").unlink()
    (root / "streets/train/masks/2.png").rename(root / "streets/train/masks/2.TIF")
    Image.open(root / "streets/train/masks/1.png").save(root / "streets/train/masks/2.TIF", format="TIFF")
    entry = make_entry(MASKS, masks={"void": None}, splits={"validation": 1, "test": 4, "seed": 0})
    info = prepare("streets", entry, tmp_path / "out")
    assert info["counts"] == {"train": 2, "validation": 1, "test": 4}
    rows = {(row["why"], row["folder"]): row["files"] for row in info["source"]["passed_by"]}
    assert rows == {
        ("in another folder than images and masks", "train/overlays"): 4,
        ("in another folder than images and masks", "test/overlays"): 4,
        ("mask without an image", "train/masks"): 1,
    }
    said = "; 9 files skipped: 8 in another folder than images and masks, 1 mask without an image"
    assert in_words(info).endswith(said)
    Image.new("L", (4, 4)).save(root / "streets/train/images/1.jpg")
    with pytest.raises(DataError, match="images/1.jpg and 1.png would share a mask"):
        prepare("streets", entry, tmp_path / "out")


def test_names_of_folders_in_another_form_of_unicode(root, make_entry, make_images):
    for name in ("é", "ü"):
        make_images(root / "pets" / unicodedata.normalize("NFD", name), 4)
    assert len(load(make_entry(OWN, classes=["é", "ü"]), root).learning.labels) == 8
