"""The rows that are compared with the teaching repository's printed numbers have its dense networks and recipes.

From LorenzoValente3/Deep-Learning-Models at c31a20a: AE.ipynb has `fit_data(batch_size=256, epochs=40)` and the losses
`mse` and `categorical_crossentropy`; VAE.ipynb has `fit_data(batch_size=128, epochs=40)` and compiles one `custom_loss`
for both outputs. Their weights are 1 and 0.1. Their notebooks train on all 60,000 images.
"""

import pytest

from nets.models.autoencoder import Autoencoder
from nets.models.vae import VAE
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.tasks.networks import build_network

SYSTEMS = [(model, variant) for model in ("autoencoder", "vae") for variant in ("", "with_classifier")]


@pytest.mark.parametrize("suite", ["full", "teaching"])
@pytest.mark.parametrize(("model", "variant"), SYSTEMS)
def test_the_row_is_its_system(suite, model, variant):
    key = (model, "mnist_60k", variant)
    run = next(r for r in load_runs(ROOT / f"config/{suite}.tsv") if (r.model, r.dataset, r.variant) == key)
    recipe, options = run.recipe, run.recipe.options
    assert (run.data["splits"]["train"], run.data["splits"]["validation"]) == (60_000, 0)
    batch_size = 128 if model == "vae" else 256
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer) == (40, batch_size, {"name": "adam", "lr": 0.001})
    assert recipe.schedule["name"] == "constant" and not any(recipe.augment.values())
    assert (options["loss"], options["classifier_weight"]) == ("mse", 0.1)
    if model == "vae":  # 784 MSE + 0.01 KL
        assert (options["reduction"], options["beta"], options["classifier_loss"]) == ("sum", 0.01, "same")
    else:
        assert (options["reduction"], options["classifier_loss"]) == ("mean", "cross_entropy")
    network = run.networks["autoencoder"]
    built = build_network(network.path, network.args, {"in_channels": 1, "image_size": 28})
    sizes = [tuple(p.shape) for name, p in built.named_parameters() if name.endswith("weight")]
    if model == "vae":
        assert isinstance(built, VAE)
        assert sizes == [(512, 784), (64, 512), (4, 64), (64, 2), (512, 64), (784, 512)]
    else:
        assert isinstance(built, Autoencoder) and type(built.encoder[-1]).__name__ == "ReLU"
        assert sizes == [(128, 784), (64, 128), (2, 64), (64, 2), (128, 64), (784, 128)]
    assert set(run.networks) == {"autoencoder"} | ({"latent_classifier"} if variant else set())
