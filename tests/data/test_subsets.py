"""Data sets with a selection of classes, few labels, or test images alone."""

import numpy as np
import pytest
import torch
from PIL import Image

from nets.data.decoding import decode
from nets.data.entries import check_entries
from nets.data.preparation import prepare
from nets.data.prepared import open_split, read_info
from nets.data.splits import divide
from nets.errors import DataError


@pytest.fixture
def halves(catalogue, tmp_path):
    for name in ("mnist5k_0to4", "mnist5k_5to9"):
        prepare(name, catalogue[name], tmp_path / name)
    return tmp_path


def images_of(folder, digit, label):
    """Test and learning images of a digit in a prepared folder."""
    learning, test = open_split(folder, "train"), open_split(folder, "test")
    images = [split.images[split.labels == label] for split in (learning, test)]
    return {image.tobytes() for part in images for image in part}


def test_the_halves_of_the_digits(halves, mnist5k):
    source, target = (read_info(halves / name)["class_counts"] for name in ("mnist5k_0to4", "mnist5k_5to9"))
    assert source == {"train": [350] * 5, "validation": [50] * 5, "test": [100] * 5}
    assert target == {"train": [50] * 5, "validation": [50] * 5, "test": [200] * 5}
    assert images_of(halves / "mnist5k_0to4", 3, 3) == images_of(mnist5k, 3, 3)
    few = images_of(halves / "mnist5k_5to9", 8, 3)
    assert len(few) == 300 and few < images_of(mnist5k, 8, 8), "of 5 to 9, the fourth is 8"


@pytest.mark.parametrize(("name", "labels"), [("mnist5k_1pct", 35), ("mnist5k_10pct", 350)])
def test_few_labels_and_the_same_test_images(catalogue, tmp_path, mnist5k, name, labels):
    info = prepare(name, catalogue[name], tmp_path / name)
    assert info["counts"] == {"train": labels, "validation": 500, "test": 1000}
    assert max(info["class_counts"]["train"]) - min(info["class_counts"]["train"]) <= 1
    few, whole = open_split(tmp_path / name, "test"), open_split(mnist5k, "test")
    np.testing.assert_array_equal(few.images[few.indices], whole.images[whole.indices])


def test_few_labels_of_mnist_keep_its_test_images(catalogue):
    learning = np.arange(60000) % 10
    whole, *few = (
        divide(learning, catalogue[name]["splits"], 10000) for name in ("mnist", "mnist_1pct", "mnist_10pct")
    )
    assert [len(part["train"]) for part in few] == [550, 5500]
    for part in few:
        np.testing.assert_array_equal(np.bincount(learning[part["train"]]), [len(part["train"]) // 10] * 10)
        np.testing.assert_array_equal(part["test"], whole["test"])


def test_the_order_of_classes_is_the_order_of_labels(root, tmp_path, make_entry, make_idx):
    source, names = make_idx(root / "tiny"), {"source_classes": ["cat", "dog"], "splits": {"validation": 4, "seed": 0}}
    whole = prepare("whole", make_entry(source, splits=names["splits"]), tmp_path / "whole")
    prepare("turned", make_entry(source, classes=["dog", "cat"], **names), tmp_path / "turned")
    assert whole["class_counts"]["test"] == [5, 5]
    assert images_of(tmp_path / "turned", 0, 0) == images_of(tmp_path / "whole", 1, 1)
    assert images_of(tmp_path / "turned", 1, 1) == images_of(tmp_path / "whole", 0, 0)


def test_a_class_that_the_source_has_not(catalogue):
    entry = catalogue["mnist5k_0to4"] | {"classes": ["0", "ten"]}
    with pytest.raises(DataError, match="x.yaml: half / classes: ten is not one of source_classes"):
        check_entries({"half": entry}, "x.yaml")


@pytest.fixture
def imagenet(root, catalogue):
    """A folder of three classes of two photographs each, and its entry."""
    random = np.random.RandomState(0)
    for wnid in ("n01440764", "n01443537", "n01484850"):
        (root / "imagenet/val" / wnid).mkdir(parents=True)
        for number in range(2):
            small = Image.fromarray(random.randint(0, 256, (15, 20, 3), np.uint8))
            file = root / "imagenet/val" / wnid / f"ILSVRC2012_val_{number:08}.JPEG"
            small.resize((500, 375) if number else (333, 500), Image.Resampling.BICUBIC).save(file)
    return catalogue["imagenet"] | {"classes": 3, "splits": {"test": 6, "seed": 0}}


def test_imagenet_is_test_data_alone(imagenet, tmp_path):
    info = prepare("imagenet", imagenet, tmp_path / "out")
    assert info["counts"] == {"train": 0, "validation": 0, "test": 6}
    assert info["class_counts"]["test"] == [2, 2, 2]
    assert (info["mean"], info["classes"]) == ([0.485, 0.456, 0.406], 3)
    test = open_split(tmp_path / "out", "test")
    assert test.images.shape == (6, 3, 224, 224)
    assert test.labels.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", ["imagenet", "imagenet_232"])
def test_resize_and_crop_are_torchvisions(name, imagenet, catalogue, root):
    from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

    shorter = catalogue[name]["sources"][0]["resize"]
    for path in (root / "imagenet/val").glob("*/*.JPEG"):
        theirs = pil_to_tensor(center_crop(resize(Image.open(path), shorter), 224))
        assert torch.equal(torch.from_numpy(decode(path, (3, 224, 224), shorter).copy()), theirs)


def test_imagenet_that_is_not_there_or_not_whole(imagenet, tmp_path, root):
    with pytest.raises(DataError, match="has 3 folders, expected 1000, one per class"):
        prepare("imagenet", imagenet | {"classes": 1000}, tmp_path / "out")
    (root / "imagenet/val").rename(root / "elsewhere")
    info = prepare("imagenet", imagenet, tmp_path / "out")
    assert info["reason"].startswith("ImageNet is not here: put ImageNet's validation images, <wnid>/*.JPEG, under")
