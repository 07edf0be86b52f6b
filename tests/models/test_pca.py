"""PCA as a network is scikit-learn's PCA, on real digits."""

import pytest
import sklearn.decomposition
import torch

from nets.data.batches import UNIT, Batches
from nets.models.pca import PCA
from nets.tasks.reconstruction import Reconstruction


@pytest.fixture
def splits(few_digits):
    return [Batches(few_digits(name, 5000), UNIT, torch.device("cpu")) for name in ("train", "test")]


@pytest.mark.parametrize("latent_dim", [2, 30])
def test_it_agrees_with_scikit_learn_to_six_digits(run_of, splits, latent_dim):
    run = run_of("pca", f"model.latent_dim={latent_dim}")
    task = Reconstruction(run, UNIT, torch.device("cpu"))
    (batch,) = splits[0].epoch(run.recipe.batch_size, seed=0)  # one step sees the whole split
    assert len(batch.images) == len(splits[0]) == 3500
    losses = task.step(batch)
    learning, unseen = (data.take(data.order).images.flatten(1).double().numpy() for data in splits)
    theirs = sklearn.decomposition.PCA(latent_dim, svd_solver="full").fit(learning)
    codes = theirs.transform(unseen)
    error = ((theirs.inverse_transform(codes) - unseen) ** 2).mean()
    found = task.evaluate(splits[1]).metrics
    assert found["mse"][0] == pytest.approx(error, rel=1e-6)
    assert losses["loss"].item() == pytest.approx(task.mean_losses(splits[0])["loss"], rel=1e-5)
    ours = task.networks["autoencoder"].encode(splits[1].take(splits[1].order).images)
    torch.testing.assert_close(ours, torch.from_numpy(codes).float(), rtol=1e-4, atol=1e-4)


def test_components_are_orthonormal_and_what_they_span_returns_exactly():
    torch.manual_seed(0)
    plane = torch.randn(40, 2) @ torch.randn(2, 12) + torch.randn(12)
    images = plane.view(40, 3, 2, 2)
    network = PCA(in_channels=3, image_size=2, latent_dim=2)
    network.fit(images)
    torch.testing.assert_close(network.components @ network.components.T, torch.eye(2), rtol=0, atol=1e-6)
    torch.testing.assert_close(network.image(network(images)), images, rtol=0, atol=1e-5)


def test_no_gradient_touches_it():
    assert not any(parameter.requires_grad for parameter in PCA().parameters())
