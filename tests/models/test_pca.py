"""PCA as a network is scikit-learn's PCA, on real digits."""

import pytest
import sklearn.decomposition
import torch

from nets.data.batches import UNIT, Batches
from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.models.pca import PCA
from nets.tasks.reconstruction import Reconstruction


@pytest.fixture(scope="module", params=["mnist5k", "mnist", "fashion_mnist"])
def dataset(request, catalogue, tmp_path_factory):
    """The name of a data set, and its training and test split; skips if it is missing."""
    name, folder = request.param, tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETS_OFFLINE", "1")
        info = prepare(name, catalogue[name], folder)
    if info["status"] != "ok":
        pytest.skip(info["reason"])
    return name, [Batches(open_split(folder, split), UNIT, torch.device("cpu")) for split in ("train", "test")]


@pytest.mark.parametrize("latent_dim", [2, 30])
def test_it_agrees_with_scikit_learn_to_six_digits(run_of, dataset, latent_dim):
    name, splits = dataset
    run = run_of("pca", f"model.latent_dim={latent_dim}", dataset=name)
    task = Reconstruction(run, UNIT, torch.device("cpu"))
    (batch,) = splits[0].epoch(run.recipe.batch_size, seed=0)  # one step sees the whole split
    assert len(batch.images) == len(splits[0]) == run.data["splits"]["train"]
    losses = task.step(batch)
    learning, unseen = (data.take(data.order).images.flatten(1).double().numpy() for data in splits)
    theirs = sklearn.decomposition.PCA(latent_dim, svd_solver="covariance_eigh").fit(learning)
    codes = theirs.transform(unseen)
    error = ((theirs.inverse_transform(codes) - unseen) ** 2).mean()
    metrics = task.evaluate(splits[1]).metrics
    assert metrics["mse"] == pytest.approx(error, rel=1e-6)
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


def test_a_linear_autoencoder_learns_what_pca_computes(run_of, few_digits):
    torch.manual_seed(0)
    data = Batches(few_digits("train", 1000), UNIT, torch.device("cpu"))
    overrides = "model.widths=[] model.linear=true model.latent_dim=4 optimizer.lr=0.003"
    trained = Reconstruction(run_of("autoencoder", overrides), UNIT, torch.device("cpu"))
    for epoch in range(60):
        for batch in data.epoch(100, seed=epoch):
            trained.step(batch)
    exact = Reconstruction(run_of("pca", "model.latent_dim=4"), UNIT, torch.device("cpu"))
    exact.step(next(data.ordered(1000)))
    ours, least = (task.validate(data)["mse"] for task in (trained, exact))
    assert least < ours < 1.02 * least
    assert "bce" not in trained.evaluate(data).metrics
