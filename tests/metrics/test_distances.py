"""Fidelity metrics agree with torch-fidelity, with scipy in float64, and with brute force from their definitions."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.spatial.distance import cdist
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from nets.metrics import classes, neighbours
from nets.metrics import distances as fidelity
from nets.metrics.metric import Unmeasured


@pytest.fixture(scope="module")
def features():
    dice = np.random.default_rng(3)
    mixing = dice.normal(size=(24, 24)) / 5
    real = np.maximum(dice.normal(size=(350, 24)) @ mixing, 0)
    generated = np.maximum(dice.normal(0.2, 0.9, size=(300, 24)) @ mixing, 0)
    return torch.from_numpy(real).float(), torch.from_numpy(generated).float()


def test_fid_equals_torch_fidelitys_and_scipys(features):
    ours = fidelity.fid(*features)
    theirs = [fid_features_to_statistics(each) for each in features]
    assert ours == pytest.approx(
        fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"], rel=1e-6
    )
    real, generated = (each.double().numpy() for each in features)
    first, second = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    gap = real.mean(axis=0) - generated.mean(axis=0)
    root = scipy.linalg.sqrtm(first @ second).real
    assert ours == pytest.approx(gap @ gap + np.trace(first + second - 2 * root), rel=1e-6)


@pytest.mark.parametrize("count", [350, 12])
def test_a_gpus_way_to_the_root_is_the_cpus(features, count):
    """Also of covariances that have no full rank, whose smallest eigenvalues are noise."""
    first, second = (fidelity.Gaussian.of(each[:count]).covariance for each in features)
    expected = scipy.linalg.sqrtm(first.numpy() @ second.numpy()).real.trace()
    assert fidelity.symmetric_root_trace(first, second) == pytest.approx(expected, rel=1e-6)
    assert fidelity.product_root_trace(first, second) == pytest.approx(expected, rel=1e-6)


def test_kid_equals_torch_fidelitys_and_the_unbiased_estimate(features):
    ours = fidelity.kid(*features)
    tensors = [each.double() for each in reversed(features)]
    theirs = kid_features_to_metric(*tensors, kid_subsets=100, kid_subset_size=300, verbose=False)
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    # subsets as large as the sets give a single estimate, which has a closed form
    x, y = (each[:300].double().numpy() for each in features)

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    pairs = 300 * 299
    inner = sum((kernel(each, each).sum() - np.trace(kernel(each, each))) / pairs for each in (x, y))
    expected = inner - 2 * kernel(x, y).mean()
    assert fidelity.kid(features[0][:300], features[1][:300]) == pytest.approx(expected, rel=1e-6)


def by_definition(real, generated):
    """All four metrics as the papers define them, point by point."""

    def radius(point, others, k):
        return sorted(np.linalg.norm(others - point, axis=1))[k]  # the 0-th is the point itself

    def covered(points, centres, k):
        reach = [radius(centre, centres, k) for centre in centres]
        return np.mean([any(np.linalg.norm(p - c) <= r for c, r in zip(centres, reach, strict=True)) for p in points])

    reach = [radius(each, real, 5) for each in real]
    inside = cdist(generated, real) < np.array(reach)
    return {
        "precision": covered(generated, real, 3),
        "recall": covered(real, generated, 3),
        "density": inside.sum() / (5 * len(generated)),
        "coverage": inside.any(axis=0).mean(),
    }


def test_neighbourhood_metrics_are_their_definitions(features, monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 33)
    real, generated = features[0][:120], features[1][:100]
    ours = neighbours.METRICS.measure(real, generated)
    assert ours == pytest.approx(by_definition(real.double().numpy(), generated.double().numpy()))
    assert 0.1 < ours["recall"] < 0.99  # the case is not trivial


def test_precision_and_recall_equal_torch_fidelitys(features):
    ours = neighbours.METRICS.measure(*features)
    real, generated = features
    options = {"prc_neighborhood": 3, "prc_batch_size": 100, "save_cpu_ram": False, "verbose": False}
    theirs = prc_features_to_metric(generated, real, **options)
    assert ours["precision"] == pytest.approx(theirs["precision"], rel=1e-6)
    assert ours["recall"] == pytest.approx(theirs["recall"], rel=1e-6)


def test_one_mode_is_precise_and_covers_little():
    dice = np.random.default_rng(0)
    modes = dice.normal(0, 0.1, (100, 2)), dice.normal(5, 0.1, (100, 2))
    real, generated = (torch.from_numpy(each) for each in (np.concatenate(modes), dice.normal(0, 0.08, (200, 2))))
    values = neighbours.METRICS.measure(real, generated)
    assert values["precision"] > 0.9 and values["density"] > 0.9
    assert values["recall"] < 0.51 and values["coverage"] < 0.51


def test_inception_score_equals_torch_fidelitys_and_knows_its_ends():
    logits = 3 * torch.randn(500, 10, generator=torch.Generator().manual_seed(1))
    theirs = isc_features_to_metric(logits)["inception_score_mean"]
    assert classes.inception_score(logits) == pytest.approx(theirs, rel=1e-6)
    sure = (100 * torch.eye(10)).repeat(200, 1)
    assert classes.inception_score(sure) == pytest.approx(10, rel=0.05)
    assert classes.inception_score(torch.zeros(100, 10)) == pytest.approx(1)


def test_shares_of_classes_and_their_distance():
    logits = torch.eye(4)[[0, 0, 1, 3]]
    assert classes.shares(logits).tolist() == [0.5, 0.25, 0, 0.25]
    assert classes.total_variation(classes.shares(logits), [0.25] * 4) == pytest.approx(25)
    assert classes.total_variation([1, 0], [0, 1]) == 100


def test_a_class_is_drawn_if_it_has_a_tenth_of_its_share():
    logits = torch.eye(4)[[0] * 89 + [1] * 5 + [2] * 4 + [3] * 2]
    # of 0.5, 0.45, 0.42 and 0: 5 images are enough for the second, 4 too few for the third
    assert classes.modes([0.5, 0.45, 0.42, 0], logits) == 2
    assert classes.modes([0.5, 0.45, 0.35, 0.15], logits) == 4
    assert classes.MODES.measure([0.25] * 4, torch.eye(4)[[1] * 50]) == {"modes": 1}


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_collapsed_generator_has_numbers_or_reasons(value):
    """All of its images are the same: no variance, one neighbour, one class."""
    real, same = torch.randn(64, 5, generator=torch.Generator().manual_seed(0)), torch.full((64, 5), value)
    for table in (fidelity.METRICS, neighbours.METRICS):
        for name, number in table.measure(real, same).items():
            assert isinstance(number, Unmeasured) or math.isfinite(number), name
    assert neighbours.METRICS.measure(real, same)["recall"] < 0.2
    assert fidelity.METRICS.measure(real, same)["fid"] > fidelity.METRICS.measure(real, real.flip(0))["fid"]
    logits = torch.zeros(64, 10)
    logits[:, 3] = 50
    assert classes.SCORES.measure(logits)["is"] == pytest.approx(1)
    assert classes.SHARES.measure(np.full(10, 0.1), logits)["class_tv"] == pytest.approx(90)
