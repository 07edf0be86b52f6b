"""The forms of networks that lessons compare, against what their papers say of them, computed another way."""

import inspect

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

from nets.models.alexnet import AlexNet
from nets.models.cnn import CNN
from nets.models.googlenet import GoogLeNet, NaiveInception
from nets.models.lenet import LeNet5
from nets.models.resnet import CifarResNet
from nets.models.unet import UNet
from nets.models.vgg import VGG
from nets.suite.catalogues import ROOT
from nets.tasks.networks import import_class

ENTRIES = yaml.safe_load((ROOT / "config/models.yaml").read_text())


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("model", [name for name, entry in ENTRIES.items() if "forms" in str(entry["networks"])])
def test_forms_of_the_catalogue_are_the_defaults_of_the_class(model: str) -> None:
    for network in ENTRIES[model]["networks"].values():
        known = inspect.signature(import_class(network["class"])).parameters
        for name, value in network.get("forms", {}).items():
            assert known[name].default == value and name not in network["args"]


# LeNet-5 ------------------------------------------------------------------------------------------


def by_hand(network: LeNet5, x: Tensor, squash, pool, repeats: int) -> Tensor:
    """The logits of a LeNet with full C3 and plain pools, from its weights by name."""
    w = network.state_dict()

    def hidden(x: Tensor, name: str, operation, **padding) -> Tensor:
        x = squash(operation(x, w[f"{name}.weight"], w[f"{name}.bias"], **padding))
        for n in range(repeats - 1):
            same = {} if name in ("c5", "f6") else {"padding": 2}
            x = squash(operation(x, w[f"{name}_again.{2 * n}.weight"], w[f"{name}_again.{2 * n}.bias"], **same))
        return x

    x = pool(hidden(x, "c1", F.conv2d, padding=2), 2)
    x = pool(hidden(x, "c3", F.conv2d), 2)
    x = hidden(hidden(x, "c5", F.conv2d).flatten(1), "f6", F.linear)
    return F.linear(x, w["output.weight"], w["output.bias"])


@pytest.mark.parametrize("repeats", [1, 2, 3])
@pytest.mark.parametrize(("subsampling", "pool"), [("average", F.avg_pool2d), ("max", F.max_pool2d)])
@pytest.mark.parametrize(
    ("activation", "squash"),
    [("tanh", lambda x: 1.7159 * torch.tanh(2 * x / 3)), ("relu", torch.relu), ("sigmoid", torch.sigmoid)],
)
def test_lenet5_pools_and_squashes_as_it_is_told(subsampling, pool, activation, squash, repeats) -> None:
    torch.manual_seed(0)
    network = LeNet5(1, 10, 28, c3="full", subsampling=subsampling, activation=activation, repeats=repeats)
    images = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(network(images), by_hand(network, images, squash, pool, repeats))
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == 4 * repeats + 1


def test_lenet5_refuses_other_words() -> None:
    for argument in ("subsampling", "activation"):
        with pytest.raises(ValueError, match=rf"LeNet5: {argument} is '\w+' or '\w+' or '\w+', not 'none'"):
            LeNet5(**{argument: "none"})


# Plain networks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 20])
def test_a_plain_network_is_the_residual_one_without_its_sums(depth: int) -> None:
    torch.manual_seed(0)
    plain, residual = (CifarResNet(1, 10, depth, 0.25, shortcuts=each).eval() for each in (False, True))
    plain.load_state_dict(residual.state_dict())  # the same weights under the same names
    x = images = torch.randn(2, 1, 28, 28)
    x = F.relu(plain.bn1(plain.conv1(x)))
    layers = 1
    for block in (*plain.layer1, *plain.layer2, *plain.layer3):
        for convolution, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
            x, layers = F.relu(norm(convolution(x))), layers + 1
    assert layers + 1 == depth
    torch.testing.assert_close(plain(images), plain.fc(x.mean((2, 3))))
    assert not torch.allclose(plain(images), residual(images))


# VGG and AlexNet ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "features", "maps"), [(VGG, 14_714_688, 512), (AlexNet, 2_469_696, 256)], ids=["vgg16", "alexnet"]
)
def test_the_pooled_head_is_one_layer_on_the_means_of_maps(build, features: int, maps: int) -> None:
    with torch.device("meta"):
        pooled, linear = build(head="pooled"), build()
    assert count(pooled) == features + 1000 * (maps + 1) and count(pooled.features) == count(linear.features)
    assert count(pooled) < count(linear) / 9
    network = build(1, 10, 32, width=0.125, head="pooled").eval()
    images = torch.randn(2, 1, 32, 32)
    (last,) = network.classifier
    torch.testing.assert_close(network(images), last(network.features(images).mean((2, 3))))


def test_small_initial_weights_have_a_deviation_of_a_hundredth_in_every_layer() -> None:
    torch.manual_seed(0)
    for module in VGG(width=0.25, image_size=32, initialisation="small").modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.numel() > 1000:
            assert module.weight.std().item() == pytest.approx(0.01, rel=0.1)
            assert not module.bias.any()


@pytest.mark.parametrize("size", [28, 32])
@pytest.mark.parametrize("first", [[11, 4], [7, 2], [3, 1]])
def test_the_stride_of_alexnets_first_layer_takes_the_place_of_pools(size: int, first: list[int]) -> None:
    network = AlexNet(1, 10, size, width=0.125, first=first).eval()
    stem = network.features[0]
    assert (stem.kernel_size, stem.stride) == ((first[0],) * 2, (first[1],) * 2)
    images = torch.zeros(1, 1, size, size)
    assert stem(images).shape[-1] == size // first[1]
    assert network.features(images).shape[-2:] == (4, 4)
    assert sum(isinstance(module, nn.MaxPool2d) for module in network.features) == {1: 3, 2: 2, 4: 1}[first[1]]
    assert network.state_dict().keys() == AlexNet(1, 10, size, width=0.125).state_dict().keys()


@pytest.mark.parametrize(("size", "first"), [(224, [11, 4]), (28, [4, 1]), (28, [5, 3]), (28, [5])])
def test_alexnet_refuses_other_first_layers(size: int, first: list[int]) -> None:
    with pytest.raises(ValueError, match="AlexNet: first is an odd kernel and a stride of 1, 2 or 4, below 64 pixels"):
        AlexNet(image_size=size, first=first)


# Three convolutions of 3 x 3 against one of 7 x 7 -------------------------------------------------


def seen_by_one_unit(network: nn.Sequential, size: int = 28) -> tuple[int, int]:
    """Height and width of what the middle unit after the first stage's convolutions sees of an image."""
    first_stage = next(i for i, layer in enumerate(network) if isinstance(layer, nn.MaxPool2d))
    image = torch.randn(1, 1, size, size, requires_grad=True)
    for layer in network[:first_stage]:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
            nn.init.constant_(layer.bias, 1000.0)  # so that no unit is off
    output = network[:first_stage](image)
    output[0, 0, size // 2, size // 2].backward()
    rows, columns = image.grad[0, 0].nonzero().T
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


def test_three_small_kernels_see_as_far_as_a_large_one_with_fewer_weights() -> None:
    three, one = CNN(1, 10, 28, kernel=3, repeats=3), CNN(1, 10, 28, kernel=7)
    assert seen_by_one_unit(three.features) == seen_by_one_unit(one.features) == (7, 7)
    assert [count(each.features) for each in (three, one)] == [
        (9 * 1 + 9 * 32 * 2) * 32 + (9 * 32 + 9 * 64 * 2) * 64 + 3 * (32 + 64),
        49 * 1 * 32 + 49 * 32 * 64 + 32 + 64,
    ]
    assert three.classifier[1].in_features == one.classifier[1].in_features
    with pytest.raises(ValueError, match="CNN: kernel is odd, so that maps keep their size; not 4"):
        CNN(kernel=4)


# GoogLeNet ----------------------------------------------------------------------------------------


def test_the_naive_module_passes_on_its_input_beside_three_convolutions() -> None:
    module = NaiveInception(8, (3, 99, 4, 99, 5, 99)).eval()
    x = torch.randn(2, 8, 6, 6)
    expected = [torch.relu(branch.bn(branch.conv(x))) for branch in (module.branch1, module.branch2, module.branch3)]
    torch.testing.assert_close(module(x), torch.cat([*expected, F.max_pool2d(x, 3, 1, 1)], 1))
    assert module.out_channels == 3 + 4 + 5 + 8
    assert [branch.conv.kernel_size[0] for branch in (module.branch1, module.branch2, module.branch3)] == [1, 3, 3]


def test_without_reductions_googlenet_grows_from_module_to_module() -> None:
    with torch.device("meta"):
        naive, reduced = GoogLeNet(reduction=False, aux_logits=False), GoogLeNet(aux_logits=False)
    # 192 channels, then 64 + 128 + 32, 128 + 192 + 96, ... more after each of the nine modules
    assert naive.inception5b.out_channels == 192 + 224 + 416 + 448 + 448 + 448 + 464 + 704 + 704 + 896
    assert reduced.inception5b.out_channels == 1024
    assert count(naive) > 3 * count(reduced)
    small = GoogLeNet(1, 10, 28, width=0.0625, reduction=False)
    assert all(logits.shape == (2, 10) for logits in small(torch.randn(2, 1, 28, 28)))


# U-Net --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_without_skips_all_passes_through_the_bottom_of_a_unet(padding: str) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 1, 24, 20)
    for skips in (True, False):
        network = UNet(1, 3, width=4, depth=2, padding=padding, skips=skips, dropout=0).eval()
        assert network(images).shape == (2, 3, 24, 20)
        network.bottom.register_forward_hook(lambda module, x, y: torch.zeros_like(y))
        first, second = network(images)
        assert torch.equal(first, second) == (not skips)
