"""The layers of networks, against published receptive fields and counts; first filters; saliency."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nets.anatomy import Reach, first_filters, layers, saliency, write_anatomy
from nets.data.batches import PixelRange
from nets.files import read_json
from nets.tasks.macs import count_macs


class Imitation:
    """What `nets.anatomy` needs of a task: networks, an image, and logits."""

    def __init__(self, network, shape):
        self.networks, self.run = nn.ModuleDict({"classifier": network.eval()}), SimpleNamespace(input_shape=shape)
        self.device = next(network.parameters(), torch.zeros(1)).device
        self.pixels = PixelRange((0.0,) * shape[0], (1.0,) * shape[0])

    def macs(self):
        image = torch.zeros(1, *self.run.input_shape, device=self.device)
        return {"classifier": count_macs(self.networks["classifier"], image)}

    def logits(self, images):
        return self.networks["classifier"](images)


def table(network, shape):
    return layers(Imitation(network, shape))["classifier"]


def test_receptive_fields_of_vgg16_are_the_published_ones():
    """Araujo, Norris & Sim 2019, and every table of VGG-16: conv5_3 looks at 196 pixels, pool5 at 212."""
    from torchvision.models import vgg16

    with torch.device("meta"):
        network = vgg16()
    found = table(network, (3, 224, 224))
    reach = {row["name"]: row["reach"] for row in found}
    assert (reach["features.0"], reach["features.2"], reach["features.4"]) == (3, 5, 6)
    assert (reach["features.28"], reach["features.30"]) == (196, 212)
    assert reach["classifier.0"] is None
    assert sum(row["parameters"] for row in found) == 138_357_544
    assert sum(row["macs"] for row in found) == 15_470_264_320


def test_the_farthest_path_counts_and_strides_multiply():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.far = nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Conv2d(2, 2, 3, dilation=2, padding=2)
            self.near, self.last = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3)

        def forward(self, x):
            x = self.first(x).relu()
            return self.last(self.near(x) + self.far(x))

    found = {row["name"]: row for row in table(Block(), (1, 32, 32))}
    assert [found[name]["reach"] for name in ("first", "near", "far", "last")] == [3, 3, 11, 15]
    assert found["last"]["shape"] == [2, 14, 14]


def test_a_map_that_is_made_of_a_code_or_of_noise_has_no_reach():
    decoder = nn.Sequential(nn.Linear(36, 9), nn.Unflatten(1, (1, 3, 3)), nn.Conv2d(1, 1, 3))
    found = table(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), decoder), (1, 8, 8))
    assert [row["reach"] for row in found] == [3, None, None, None, None]
    found = table(nn.Sequential(nn.ConvTranspose2d(5, 2, 4), nn.ReLU()), (5, 1, 1))
    assert [row["reach"] for row in found] == [None, None]


def test_a_reach_is_what_gradients_say():
    """The pixels from which a gradient comes, in a random network: an independent computation."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 5, 2), nn.AvgPool2d(3, 2), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 1, 3, 2))
    image = torch.randn(1, 1, 99, 99, requires_grad=True)
    image.reach = (1, 1)
    with Reach():
        output = network(image)
    output[0, 0, output.shape[2] // 2, output.shape[3] // 2].backward()
    assert output.reach[0] == int((image.grad[0, 0].abs().sum(0) > 0).sum())


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()), (5, 3, 3, 3)),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), (4, 3, 8, 8)),
    ],
)
def test_first_filters_are_weights_with_grey_for_zero(network, shape):
    weights = next(network.parameters()).detach()
    found = first_filters(Imitation(network, (3, 8, 8)))
    assert found.shape == shape and found.dtype == np.uint8
    ours, theirs = found.astype(float).reshape(len(found), -1) - 128, weights.reshape(len(found), -1).numpy()
    assert np.allclose(ours, 127 * theirs / np.abs(theirs).max(1, keepdims=True), atol=0.51)


def test_first_filters_of_later_layers_are_none():
    assert first_filters(Imitation(nn.Sequential(nn.Conv2d(3, 5, 1), nn.Conv2d(5, 5, 3)), (3, 8, 8))) is None


def test_saliency_of_a_linear_network_is_its_weights():
    """The gradient of a logit of a linear network is that class's weights, whatever the image and the noise."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    maps = saliency(Imitation(network, (1, 8, 8)), np.full((2, 1, 8, 8), 100, np.uint8), np.array([2, 0]))
    for label, found in zip((2, 0), maps, strict=True):
        weights = network[1].weight[label].detach().abs().reshape(8, 8)
        expected = (255 * (weights / weights.flatten().quantile(0.99)).clamp(0, 1)).round().numpy()
        assert np.abs(found[0].astype(float) - expected).max() <= 1


def test_a_network_that_cannot_be_followed_fails_nothing(tmp_path, capsys):
    class Odd(nn.Module):
        def forward(self, x):
            raise RuntimeError("no zeros, please")

    write_anatomy(Imitation(Odd(), (1, 8, 8)), {}, tmp_path)
    assert "Its layers can't be listed (RuntimeError: no zeros, please)." in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_files_are_written_beside_the_metrics(tmp_path):
    task = Imitation(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10)), (1, 8, 8))
    worst = {"worst_images": np.zeros((20, 1, 8, 8), np.uint8), "worst_predicted": np.arange(20) % 10}
    write_anatomy(task, worst, tmp_path)
    rows = read_json(tmp_path / "layers.json")["networks"]["classifier"]
    assert [(row["kind"], row["macs"]) for row in rows] == [("Conv2d", 648), ("Flatten", 0), ("Linear", 720)]
    with np.load(tmp_path / "anatomy.npz") as arrays:
        assert {name: arrays[name].shape[0] for name in arrays} == {"filters": 2, "saliency": 8, "saliency_images": 8}
