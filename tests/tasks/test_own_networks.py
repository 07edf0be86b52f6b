"""A user's network that lacks something is reported before training; those of the catalogue lack nothing."""

import dataclasses
import sys
import types

import pytest
import torch
from torch import nn

from nets.errors import UserError
from nets.run import Network, Run
from nets.tasks import task_class
from nets.tasks.networks import build_network

DATASETS = {"unet": "digit_scenes"}  # all others: mnist5k
CPU = torch.device("cpu")


@pytest.fixture
def task_of(run_of):
    """A function that builds the task of a model."""

    def make(model):
        overrides = "augment.flip=false" if model == "googlenet" else ""
        run = run_of(model, overrides, dataset=DATASETS.get(model, "mnist5k"))
        return task_class(run)(run, task_class(run).pixel_range({"mean": [0.1], "std": [0.3]}), CPU)

    return make


class Constant(nn.Module):
    """Returns a tensor of the given shape, whatever its input."""

    latent_dim = 2

    def __init__(self, *shape):
        super().__init__()
        self.answer = torch.zeros(shape)

    def forward(self, *_):
        return self.answer

    encode = decode = image = forward


def test_a_constructor_that_wants_more():
    with pytest.raises(
        UserError, match=r"torch.nn.Linear can't be built: missing a required argument: 'in_features'; "
    ):
        build_network("torch.nn.Linear", {"out_features": 3}, {})


def test_builders_of_the_ecosystem_need_no_wrapper():
    facts = {"in_channels": 3, "image_size": 32, "num_classes": 7}
    network = build_network(
        "torchvision.models.efficientnet_b0", {"weights": None, "num_classes": "$num_classes"}, facts
    )
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 7)
    with pytest.raises(
        UserError, match=r"num_classes: \$classes .* is no fact .*; there are \$in_channels, \$image_size"
    ):
        build_network("torchvision.models.efficientnet_b0", {"num_classes": "$classes"}, facts)
    with pytest.raises(UserError, match=r"efficientnet_b0 can't be built: .*unexpected keyword argument 'wdith'"):
        build_network("torchvision.models.efficientnet_b0", {"wdith": 2}, facts)
    linear = build_network("torch.nn.Linear", {"in_features": "$image_size", "out_features": "$num_classes"}, facts)
    assert linear.weight.shape == (7, 32)


@pytest.mark.parametrize(
    "path", ["subprocess.getoutput", "torch.hub.load", "builtins.exec", "torch.zeros", "torch.Tensor"]
)
def test_only_networks_are_called(path):
    with pytest.raises(UserError, match=rf"{path} is not a class of networks .*write `builder: true` beside it"):
        build_network(path, {}, {})


def test_a_function_that_builds_a_network_is_called_if_its_entry_says_so():
    here = f"{__name__}.small"
    sys.modules[__name__].small = small  # also if the tests are imported without their names
    with pytest.raises(UserError, match="small is not a class of networks"):
        build_network(here, {"width": 3}, {})
    assert build_network(here, {"width": 3}, {}, builder=True).out_features == 3
    with pytest.raises(UserError, match="returns str, not a torch.nn.Module"):
        build_network("platform.machine", {}, {}, builder=True)


def small(width):
    """Your own network."""
    return nn.Linear(1, width)


def test_torchvisions_builders_and_classes_need_no_mark():
    assert type(build_network("torchvision.models.squeezenet1_1", {}, {})).__name__ == "SqueezeNet"
    assert isinstance(build_network("torch.nn.Sequential", {}, {}), nn.Sequential)
    with pytest.raises(UserError, match="is not a class of networks"):
        build_network("torchvision.models.get_model", {}, {})


def test_timms_builders_need_no_mark(monkeypatch):
    timm, listed = types.ModuleType("timm"), types.ModuleType("timm.models")
    listed.small, listed.unlisted = small, lambda width: nn.Linear(1, width)
    listed.list_models, listed.model_entrypoint = (lambda: ["small"]), {"small": small}.__getitem__
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "timm.models", listed)
    assert build_network("timm.models.small", {"width": 2}, {}).out_features == 2
    with pytest.raises(UserError, match="timm.models.unlisted is not a class of networks"):
        build_network("timm.models.unlisted", {"width": 2}, {})


def test_the_mark_is_a_part_of_the_description_only_where_it_is_set(run_of):
    run = run_of("lenet5")
    assert '"builder"' not in run.to_json()
    marked = dataclasses.replace(run, networks={"classifier": Network("own.small", {}, builder=True)})
    assert Run.from_json(marked.to_json()) == marked


@pytest.mark.parametrize(
    "model",
    ["lenet5", "googlenet", "unet", "pca", "autoencoder", "vae", "conv_autoencoder", "gan", "dcgan", "wgan_gp", "ddpm"],
)
def test_those_of_the_catalogue_are_right(task_of, model):
    task_of(model).check()


@pytest.mark.parametrize(
    ("model", "role", "network", "said"),
    [
        (
            "lenet5",
            "classifier",
            Constant(2, 11),
            r"LeNet5 makes \(2, 11\) of .* two; its task needs the shape \(2, 10\)",
        ),
        ("lenet5", "classifier", Constant(2, 10, 1, 1), r"LeNet5 makes \(2, 10, 1, 1\)"),
        ("unet", "segmenter", Constant(2, 11, 32, 32), r"UNet makes .* needs the shape \(2, 11, 64, 64\)"),
        ("dcgan", "generator", Constant(2, 3, 28, 28), r"Generator makes .* needs the shape \(2, 1, 28, 28\)"),
        ("dcgan", "generator", nn.Identity(), "Generator has no latent_dim, which its task needs"),
        ("dcgan", "discriminator", Constant(2, 2), r"Discriminator makes \(2, 2\) .* needs the shape \(2, 1\)"),
        ("ddpm", "denoiser", Constant(2, 1, 14, 14), r"makes .* needs the shape \(2, 1, 28, 28\)"),
        ("autoencoder", "autoencoder", Constant(2, 3), r"makes \(2, 3\) .* needs the shape \(2, 2\)"),
        ("autoencoder", "autoencoder", nn.Linear(1, 1), "has no encode, which its task needs"),
    ],
)
def test_what_is_missing_or_of_another_shape_is_said(task_of, model, role, network, said):
    task = task_of(model)
    task.networks[role] = network
    with pytest.raises(UserError, match=said):
        task.check()


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 10)

    def forward(self, images):
        return self.layer(images.flatten(1))


def test_a_network_that_fails_is_told_with_its_line(task_of):
    task = task_of("lenet5")
    task.networks["classifier"] = Failing()
    said = (
        r"LeNet5 fails on two images \(2, 1, 28, 28\) at test_own_networks.py, line \d+ \(RuntimeError: mat1 and mat2"
    )
    with pytest.raises(UserError, match=said):
        task.check()


def test_a_device_without_memory_is_no_mistake_of_the_network(task_of, monkeypatch):
    task = task_of("lenet5")

    def full(_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(task, "outputs", full)
    with pytest.raises(torch.OutOfMemoryError):
        task.check()
