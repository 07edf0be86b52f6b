"""Folders of images and masks, and the pets: sizes, void, missing files."""

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from nets.data import download
from nets.data.decoding import decode_mask
from nets.data.loaded import Part
from nets.data.masks import checked
from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.errors import DataError, UserError

SOURCE = {"kind": "mask_folder", "folder": "streets"}
SPLITS = {"train": 4, "validation": 2, "test": 3, "seed": 0}


def write(folder, count, size=(6, 4), top=2):
    """Images whose red channel is 20 times their mask."""
    random = np.random.RandomState(len(str(folder)))
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        mask = random.randint(0, top + 1, size[::-1]).astype(np.uint8)
        image = np.stack([20 * mask, mask, mask], axis=2)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")


@pytest.fixture
def streets(root):
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write(root / "streets" / part, count)
    return root / "streets"


@pytest.fixture
def entry(make_entry):
    return lambda source=SOURCE, **more: make_entry(
        source, **{"shape": [3, 4, 6], "splits": SPLITS, "masks": {"void": 2}} | more
    )


def test_masks_stay_with_their_images(streets, tmp_path, entry):
    info = prepare("streets", entry(), tmp_path / "out")
    assert info["counts"] == {"train": 4, "validation": 2, "test": 3} and info["void"] == 2
    assert info["class_counts"] == dict.fromkeys(("train", "validation", "test"))
    for name in ("train", "validation", "test"):
        split = open_split(tmp_path / "out", name)
        assert split.masks.shape == (len(split.images), 4, 6) and set(split.labels) == {-1}
        np.testing.assert_array_equal(split.images[:, 0], 20 * split.masks)
    assert open_split(tmp_path / "out", "validation").indices.tolist() == [4, 5]


def test_without_val_some_of_train_is_set_aside(streets, tmp_path, entry):
    (streets / "val").rename(streets / "elsewhere")
    info = prepare("streets", entry(splits=SPLITS | {"train": 3, "validation": 1}), tmp_path / "out")
    assert info["counts"] == {"train": 3, "validation": 1, "test": 3}


def test_crop_resizes_both_and_invents_no_class(root, tmp_path, entry):
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write(root / "streets" / part, count, size=(30, 16))
    prepare("streets", entry(SOURCE | {"fit": "crop"}, shape=[3, 8, 12]), tmp_path / "out")
    split = open_split(tmp_path / "out", "train")
    assert split.masks.shape == (6, 8, 12) and set(np.unique(split.masks)) <= {0, 1, 2}


def test_crop_takes_the_middle_of_a_mask(root):
    mask = np.zeros((4, 12), np.uint8)
    mask[:, 4:8] = 3
    Image.fromarray(mask).save(root / "a.png")
    assert (decode_mask(root / "a.png", (4, 4), "crop") == 3).all()
    with pytest.raises(DataError, match="a.png is 12x4 pixels, expected 4x4; resize it, or set `fit: crop`"):
        decode_mask(root / "a.png", (4, 4), "exact")


def test_a_palette_is_of_numbers_and_colours_are_refused(root):
    mask = Image.fromarray(np.array([[0, 5], [7, 1]], np.uint8))
    mask.putpalette(list(range(255, -1, -1)) * 3)
    mask.save(root / "palette.png")
    assert decode_mask(root / "palette.png", (2, 2), "exact").tolist() == [[0, 5], [7, 1]]
    mask.convert("RGB").save(root / "colours.png")
    with pytest.raises(DataError, match="colours.png is RGB, expected class numbers"):
        decode_mask(root / "colours.png", (2, 2), "exact")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"masks": {"void": None}}, r"Tiny: a mask holds 2, which is neither a class \(0..1\) nor void"),
        ({"splits": SPLITS | {"validation": 3}}, "found 2 validation images, expected 3"),
    ],
)
def test_masks_against_entry(streets, tmp_path, entry, changes, sentence):
    with pytest.raises(DataError, match=sentence):
        prepare("streets", entry(**changes), tmp_path / "out")


def test_an_image_without_a_mask(streets, tmp_path, entry):
    (streets / "val" / "masks" / "1.png").unlink()
    with pytest.raises(DataError, match="val/masks/1.png is missing: every image needs a mask"):
        prepare("streets", entry(), tmp_path / "out")


def test_a_pinned_folder_and_a_source_without_masks(streets, tmp_path, entry):
    digest = prepare("streets", entry(), tmp_path / "out")["source"]["sha256"]["streets"]
    prepare("streets", entry(SOURCE | {"sha256": digest}), tmp_path / "out")
    with pytest.raises(DataError, match=f"streets has changed: .* of its 18 files is {digest}"):
        prepare("streets", entry(SOURCE | {"sha256": "0" * 64}), tmp_path / "out")
    with pytest.raises(DataError, match="Tiny: the source has no masks"):
        checked(entry(), Part.of(np.zeros((1, 3, 4, 6), np.uint8), np.array([-1]))).__next__()


def test_absent(tmp_path, entry):
    info = prepare("streets", entry(), tmp_path / "out")
    assert "put train|val|test/{images,masks} under" in info["reason"]


def test_pets_as_torchvision_lays_them_out(root, tmp_path, entry):
    folder = root / "oxford-iiit-pet"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations/trimaps").mkdir(parents=True)
    trimap = np.array([[1, 2, 3, 3], [1, 1, 2, 2]], np.uint8)
    for name, count in (("trainval", 5), ("test", 2)):
        (folder / f"annotations/{name}.txt").write_text("".join(f"{name}_{i} 1 1 1\n" for i in range(count)))
        for i in range(count):
            Image.fromarray(np.full((2, 4, 3), 10 * i + count, np.uint8)).save(folder / f"images/{name}_{i}.jpg")
            Image.fromarray(trimap).save(folder / f"annotations/trimaps/{name}_{i}.png")
    pets = entry(
        {"kind": "oxford_pet", "folder": "oxford-iiit-pet"}, shape=[3, 2, 4], classes=["pet", "background", "border"],
        masks={"void": None}, splits={"train": 4, "validation": 1, "test": 2, "seed": 0},
    )  # fmt: skip
    assert prepare("pets", pets, tmp_path / "out")["counts"] == {"train": 4, "validation": 1, "test": 2}
    np.testing.assert_array_equal(open_split(tmp_path / "out", "test").masks, [trimap - 1] * 2)
    lists = folder / "annotations/test.txt"
    names = lists.read_text()
    lists.write_text("../../secret 1 1 1\n")
    with pytest.raises(UserError, match="'../../secret', which is not a name"):
        prepare("pets", pets, tmp_path / "out")
    lists.write_text(names)
    (folder / "annotations/trimaps/test_1.png").unlink()
    with pytest.raises(DataError, match="test_1.png is missing; unpack it again"):
        prepare("pets", pets, tmp_path / "out")


def test_where_the_pets_are_asked_for():
    (address,) = download._addresses(OxfordIIITPet)
    assert address.startswith("https://") and address.endswith("/images.tar.gz")
