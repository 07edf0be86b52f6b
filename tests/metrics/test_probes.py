"""Classifiers on frozen codes agree with scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nets.metrics import probes


@pytest.fixture(scope="module")
def clouds():
    """Codes of 4 overlapping classes, with different scales: learning codes, labels, test codes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (900,), generator=generator)
    centres = 1.5 * torch.randn(4, 5, generator=generator)
    codes = (centres[labels] + torch.randn(900, 5, generator=generator)) * torch.tensor([1.0, 30.0, 0.01, 1.0, 1.0])
    return codes[:600], labels[:600], codes[600:]


def test_standardised_as_scikit_learn_does(clouds):
    learning, _, unseen = clouds
    scaler = StandardScaler().fit(learning.double().numpy())
    for ours, theirs in zip(probes.standardise(learning, unseen), (learning, unseen), strict=True):
        np.testing.assert_allclose(ours, scaler.transform(theirs.double().numpy()))


def test_a_constant_unit_is_no_trouble():
    learning, unseen = probes.standardise(torch.full((5, 1), 0.1), torch.full((2, 1), 0.1))
    assert learning.abs().max() < 1e-6 and unseen.abs().max() < 1e-6


def test_linear_probe(clouds):
    learning, labels, unseen = clouds
    theirs = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=1000))
    theirs.fit(learning.double().numpy(), labels)
    ours = probes.linear_probe(learning, labels, unseen, 4)
    assert (ours.numpy() == theirs.predict(unseen.double().numpy())).all()


def test_nearest_neighbours(clouds):
    learning, labels, unseen = clouds
    theirs = KNeighborsClassifier(probes.NEIGHBOURS).fit(learning.double().numpy(), labels)
    ours = probes.nearest_neighbours(learning, labels, unseen, 4)
    assert (ours.numpy() == theirs.predict(unseen.double().numpy())).all()
