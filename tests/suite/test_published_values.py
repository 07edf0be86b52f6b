"""Published values are read by our names, and every mistake in them becomes one sentence."""

import re

import pytest

from nets.errors import ConfigError
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.published import COLUMNS, find_published, load_published, split_reason

RANGES = {"mse": (0, 0.1), "objective": (20, 40)}
HEAD = ",".join(COLUMNS) + "\n"
EXTENDED = HEAD.replace("\n", ",checked,differs\n")


def test_the_projects_values():
    reported = load_published(ROOT / "config/published.csv")
    assert reported["resnet20", "cifar10", "top1", "test"][0].value == pytest.approx(100 - 8.75)  # He et al. 2016
    assert reported["resnet110", "cifar10", "top1", "test"][0].value == pytest.approx(
        100 - 6.61
    )  # the mean of five, not the best
    assert reported["resnet18", "cifar10", "top1", "test"][0].value == pytest.approx(100 - 4.72)  # the mean of five
    assert reported["resnet18-cutout", "cifar10", "top1", "test"][0].value == pytest.approx(100 - 3.99)
    assert reported["vgg16_bn", "cifar100", "top1", "test"][0].value == 73.74  # our hidden layers; the last epoch
    assert reported["alexnet", "cifar10", "top1", "test"][0].value == 86.2
    assert reported["cnn", "fashion_mnist", "top1", "test"][0].value == 92.3  # the same layers as ours
    science = (
        reported["pca-latent30", "mnist", "mse", "test"][0].value,
        reported["autoencoder-latent30", "mnist", "mse", "test"][0].value,
    )
    assert [784 * value for value in science] == pytest.approx([13.87, 3.00], abs=0.005)
    for (_, _, metric, _), values in reported.items():
        low, high = RANGES.get(metric, (20, 100))
        assert all(low < value.value < high and value.source for value in values)


def test_the_teaching_repositorys_values_by_split():
    reported = {key: values[0].value for key, values in load_published(ROOT / "config/published.csv").items()}
    printed = {
        ("autoencoder", "mse"): (0.0388, 0.0379),
        ("autoencoder-with_classifier", "top1"): (95.71, 99.17),
        ("vae", "objective"): (27.58, 26.51),
        ("vae-with_classifier", "objective"): (28.79, 26.95),
        ("vae-with_classifier", "top1_sampled"): (93.92, 95.43),
    }
    for (model, metric), values in printed.items():
        assert tuple(reported[model, "mnist_60k", metric, split] for split in ("test", "train")) == values
    assert reported["autoencoder-with_classifier", "mnist_60k", "mse", "test"] == 0.0441


def test_a_table_brings_its_own(tmp_path):
    assert find_published(tmp_path / "my.tsv") == ROOT / "config/published.csv"
    (tmp_path / "published.csv").write_text(HEAD)
    assert find_published(tmp_path / "my.tsv") == tmp_path / "published.csv"
    assert load_published(tmp_path / "published.csv") == {}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("resnet19,cifar10,top1,93,me,,", "unknown model 'resnet19'; did you mean"),
        ("resnet20,cifar,top1,93,me,,", "unknown dataset 'cifar'; did you mean 'cifar10'"),
        ("resnet20,cifar10,top1,ninety,me,,", "value: 'ninety' is not of type 'number'"),
        ("resnet20,cifar10,top1,930,me,,", "top1 930 is not a percentage"),
        ("resnet20,cifar10,Top-1,93,me,,", "metric: 'Top-1' is not valid; write a name from metrics.json"),
        ("resnet20,cifar10,top1,93,,,", "source: '' should be non-empty"),
        (
            "resnet20,cifar10,top_1,93,me,,",
            "'top_1' is no metric of resnet20 that compares with published values; did you",
        ),
        ("resnet20,cifar10,miou,50,me,,", "'miou' is no metric of resnet20 that"),
        ("resnet20,cifar10,class_recall,50,me,,", "'class_recall' is no metric of resnet20 that"),
        ("resnet20,cifar10,top1_inception,50,me,,", "'top1_inception' is no metric of resnet20 that"),
        ("vae,mnist,top5,50,me,,", "'top5' is no metric of vae that"),
        ("dcgan,cifar10,fid,20,me,,", "'fid' is no metric of dcgan that compares with published values; leave it out"),
        ("resnet20,cifar10,top1,93,me", "7 cells are expected"),
        ("resnet20,cifar10,top1,93,me,a,b,c", "7 cells are expected"),
        ("resnet20,cifar10,top1,93,you,,\nresnet20,cifar10,top1,94,you,,", "already has a value from this source"),
        (
            "resnet20,cifar10,top1,93,me,,wurse: fewer images",
            "explains: unknown direction 'wurse'; did you mean 'worse'?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, row, expected):
    path = tmp_path / "published.csv"
    path.write_text(HEAD + row + "\n")
    with pytest.raises(ConfigError) as error:
        load_published(path)
    assert expected in str(error.value)
    assert str(error.value).startswith(f"{path}, line {2 + row.count(chr(10))}:")


def test_another_header(tmp_path):
    (tmp_path / "published.csv").write_text("model,dataset,value\n")
    with pytest.raises(ConfigError, match="line 1: the columns must be model, dataset, metric"):
        load_published(tmp_path / "published.csv")


def test_a_value_may_be_of_another_split(tmp_path):
    rows = "lenet5,mnist,top1,99,me,,,train\nlenet5,mnist,top1,98,me,,\nlenet5,mnist,top1,97,you,,,\n"
    (tmp_path / "published.csv").write_text(HEAD.replace("\n", ",split\n") + rows)
    reported = load_published(tmp_path / "published.csv")
    assert {key[3]: [each.value for each in values] for key, values in reported.items()} == {
        "train": [99],
        "test": [98, 97],
    }
    (tmp_path / "published.csv").write_text(HEAD.replace("\n", ",split\n") + "lenet5,mnist,top1,99,me,,,training\n")
    with pytest.raises(ConfigError, match="split: 'training' is not one of"):
        load_published(tmp_path / "published.csv")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("memory,", "checked: 'memory' is not one of"),
        ("source,width", "differs.0: 'width' is not one of"),
        ("source,network network", "differs: ['network', 'network'] has non-unique elements"),
    ],
)
def test_a_mistake_in_the_further_columns(tmp_path, cells, expected):
    (tmp_path / "published.csv").write_text(f"{EXTENDED}lenet5,mnist,top1,99,me,,,{cells}\n")
    with pytest.raises(ConfigError, match=re.escape(expected)):
        load_published(tmp_path / "published.csv")


@pytest.mark.parametrize(
    ("values", "compared"),
    [
        ({99: "source,network", 98: "source,selection augmentation training"}, 98),  # the same network first
        (
            {99: "source,selection", 98: "source,augmentation training"},
            98,
        ),  # then one that was not chosen by test images
        ({99: "source,augmentation", 98: "source,training"}, 98),
        ({99: "second hand,", 98: "unchecked,", 97: "copy,network selection augmentation training"}, 97),
        ({95: "source,", 99: "source,", 98: "source,", 10: "source,training"}, 98),  # the median of the nearest
        ({95: "source,training", 99: "copy,training"}, 99),  # of two, the better one
    ],
)
def test_the_nearest_value_is_compared_and_all_are_kept(tmp_path, values, compared):
    rows = [f"lenet5,mnist,top1,{value},source {value},,,{cells}\n" for value, cells in values.items()]
    (tmp_path / "published.csv").write_text(EXTENDED + "".join(rows))
    (ours,) = load_published(tmp_path / "published.csv").values()
    assert ours[0].value == compared
    assert {value.value for value in ours} == set(values)


def test_of_two_errors_the_smaller_is_compared(tmp_path):
    rows = "autoencoder,mnist,mse,0.04,me,,,,\nautoencoder,mnist,mse,0.03,you,,,,\n"
    (tmp_path / "published.csv").write_text(EXTENDED + rows)
    (values,) = load_published(tmp_path / "published.csv").values()
    assert values[0].value == 0.03


def every_value():
    return [value for values in load_published(ROOT / "config/published.csv").values() for value in values]


def test_every_source_has_a_commit_a_year_or_a_version():
    for value in every_value():
        assert re.search(r"@[0-9a-f]{7}\b|\b(19|20)\d\d\b|\b\d+\.\d+\.\d+\b", value.source), value.source


def test_a_reason_pulls_one_way_wherever_it_stands():
    directions = {}
    for value in every_value():
        for direction, reason in map(split_reason, value.explains.split("; ")):
            assert directions.setdefault(reason, direction) == direction, reason


def test_fewer_or_more_training_images_pull_the_right_way():
    for value in every_value():
        for direction, reason in map(split_reason, value.explains.split("; ")):
            if counts := re.fullmatch(r"([\d,]+) training images, theirs ([\d,]+)", reason):
                ours, theirs = (int(count.replace(",", "")) for count in counts.groups())
                assert direction == ("better" if ours > theirs else "worse")


def test_choice_by_test_images_can_only_make_ours_worse():
    for value in every_value():
        for direction, reason in map(split_reason, value.explains.split("; ")):
            if reason.startswith("theirs") and reason.endswith("on test images"):
                assert direction == "worse" and "selection" in value.differs, value.source


def test_second_hand_values_are_those_that_were_submitted():
    doubtful = {value.source.split(" ")[0] for value in every_value() if not value.verified}
    assert doubtful == {"zalandoresearch/fashion-mnist:README.md@02cf067"}


def test_every_value_is_explained():
    for key, values in load_published(ROOT / "config/published.csv").items():
        assert all(value.explains for value in values), key


def test_transfer_has_values_of_its_own_and_they_are_those_of_rows():
    reported = load_published(ROOT / "config/published.csv")
    rows = {(f"{run.model}-{run.variant}", run.dataset) for run in load_runs(ROOT / "config/full.tsv")}
    for variant, value in (("features", 93.6), ("fine_tuned", 97.5)):
        assert reported[f"resnet50-{variant}", "cifar10", "top1", "test"][0].value == value
        assert (f"resnet50-{variant}", "cifar10") in rows


def test_small_mobilenets_say_that_others_used_another_optimizer():
    for (model, dataset, *_), values in load_published(ROOT / "config/published.csv").items():
        if model.startswith("mobilenet") and dataset.startswith("cifar"):
            assert all("ours RMSProp" in each.explains or "not stated" in each.explains for each in values)
