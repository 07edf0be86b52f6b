"""Data sets with a selection of classes, few labels, or test images alone."""

import numpy as np
import pytest
import torch
from PIL import Image

from nets.data.decoding import decode
from nets.data.entries import check_entries
from nets.data.preparation import prepare
from nets.data.prepared import images_sha256, open_split, read_info
from nets.data.splits import divide, draw_labelled
from nets.errors import DataError


@pytest.fixture
def halves(catalogue, tmp_path):
    for name in ("mnist5k_0to4", "mnist5k_5to9"):
        prepare(name, catalogue[name], tmp_path / name)
    return tmp_path


def images_of(folder, digit, label):
    """Test and learning images of a digit in a prepared folder."""
    learning, test = open_split(folder, "train", seed=0), open_split(folder, "test")
    images = [split.images[split.labels == label] for split in (learning, test)]
    return {image.tobytes() for part in images for image in part}


def test_the_halves_of_the_digits(halves, mnist5k):
    source, target = (read_info(halves / name)["class_counts"] for name in ("mnist5k_0to4", "mnist5k_5to9"))
    assert source == {"train": [350] * 5, "validation": [50] * 5, "test": [100] * 5}
    assert target == {"train": [250] * 5, "validation": [50] * 5, "test": [200] * 5}
    assert images_of(halves / "mnist5k_0to4", 3, 3) == images_of(mnist5k, 3, 3)
    few = open_split(halves / "mnist5k_5to9", "train", seed=0)
    images = {few.images[row].tobytes() for row in few.indices if few.labels[row] == 3}
    assert len(images) == 50 and images < images_of(mnist5k, 8, 8), "of 5 to 9, the fourth is 8"


@pytest.fixture
def one_percent(catalogue, tmp_path):
    """The prepared data set `mnist5k_1pct`: 3,500 training images, 35 of them with labels."""
    prepare("mnist5k_1pct", catalogue["mnist5k_1pct"], tmp_path / "mnist5k_1pct")
    return tmp_path / "mnist5k_1pct"


def test_each_seed_draws_its_labels_and_nothing_else(one_percent, mnist5k):
    first, again, other = (open_split(one_percent, "train", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.indices, again.indices)
    assert len(set(first.indices) & set(other.indices)) < 5, "35 of 3500 drawn twice have about 0.35 in common"
    whole = open_split(mnist5k, "train")
    for few in (first, other):
        counts = np.bincount(few.labels[few.indices], minlength=10)
        assert counts.sum() == 35 and counts.max() - counts.min() <= 1
        np.testing.assert_array_equal(np.union1d(few.indices, few.unlabelled), whole.indices)
        np.testing.assert_array_equal(few.labels[few.indices], whole.labels[few.indices])
        assert (few.labels[few.unlabelled] == -1).all(), "no task can learn from a label that is not there"
    for split in ("validation", "test"):
        few, same = open_split(one_percent, split, seed=1), open_split(mnist5k, split)
        np.testing.assert_array_equal(few.images[few.indices], same.images[same.indices])
        np.testing.assert_array_equal(few.labels[few.indices], same.labels[same.indices])


def test_labels_are_never_drawn_without_a_seed(one_percent):
    with pytest.raises(ValueError, match="depend on a run's seed"):
        open_split(one_percent, "train")


def test_the_identity_of_training_images_includes_the_seed(one_percent, mnist5k):
    few, whole = read_info(one_percent), read_info(mnist5k)
    assert len({images_sha256(few, "train", seed) for seed in (0, 0, 1)}) == 2
    assert len({images_sha256(whole, "train", seed) for seed in (0, 1)}) == 1
    assert len({images_sha256(few, "test", seed) for seed in (0, 1)}) == 1


@pytest.mark.parametrize(("name", "count"), [("mnist_100", 100), ("mnist_1pct", 550), ("mnist_10pct", 5500)])
def test_few_labels_of_mnist_keep_its_images(catalogue, name, count):
    labels, splits = np.arange(60000) % 10, catalogue[name]["splits"]
    rows, whole = (divide(labels, catalogue[each]["splits"], 10000) for each in (name, "mnist"))
    assert all((rows[split] == whole[split]).all() for split in ("train", "validation", "test"))
    drawn = draw_labelled(labels[rows["train"]], splits, seed=3)
    np.testing.assert_array_equal(np.bincount(labels[rows["train"]][drawn]), [count // 10] * 10)
    assert set(drawn) <= set(draw_labelled(labels[rows["train"]], splits | {"labelled": 2 * count}, seed=3))


def test_more_labels_than_images():
    with pytest.raises(DataError, match="found 90 training images, too few for labelled: 90; lower it"):
        divide(np.arange(100) % 5, {"validation": 5, "test": 5, "labelled": 90, "seed": 0}, None)


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
