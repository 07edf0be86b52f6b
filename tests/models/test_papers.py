"""The networks that torchvision lacks, against the tables and numbers of their papers."""

import pytest
import torch
from torch import Tensor, nn

from nets.models.cnn import CNN
from nets.models.lenet import C3_TABLE, LeNet5, SparseConv2d
from nets.models.linear import MLP, Softmax
from nets.models.mobilenet import MobileNetV1
from nets.models.resnet import CifarResNet
from nets.models.zfnet import ZFNet


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def output_shapes(network: nn.Module, images: Tensor, kinds: tuple[type, ...]) -> list[tuple]:
    """The output shape (C, H, W) of every module of these kinds, in the order in which they run."""
    shapes = []
    for module in network.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(lambda m, x, y: shapes.append(tuple(y.shape[1:])))
    network.eval()(images)
    return shapes


# LeNet-5: LeCun et al., 1998, section II.B -------------------------------------------------------

# layer, maps, trainable parameters, connections
LENET5 = (
    ("c1", (6, 28, 28), 156, 122_304),
    ("s2", (6, 14, 14), 12, 5_880),
    ("c3", (16, 10, 10), 1_516, 151_600),
    ("s4", (16, 5, 5), 32, 2_000),
    ("c5", (120, 1, 1), 48_120, 48_120),
    ("f6", (84,), 10_164, 10_164),
)


@pytest.mark.parametrize("image_size", [28, 32])
def test_lenet5_has_the_layers_of_the_paper(image_size: int) -> None:
    network = LeNet5(in_channels=1, num_classes=10, image_size=image_size)
    seen = {}
    for name, *_ in LENET5:
        network.get_submodule(name).register_forward_hook(
            lambda m, x, y, name=name: seen.update({name: tuple(y.shape[1:])})
        )
    network(torch.zeros(1, 1, image_size, image_size))
    for name, shape, parameters, connections in LENET5:
        layer = network.get_submodule(name)
        assert (seen[name], count(layer)) == (shape, parameters)
        places = shape[1] * shape[2] if len(shape) == 3 else 1
        # A subsampling unit has five connections: four inputs and a bias.
        assert connections == (5 * shape[0] * places if name[0] == "s" else parameters * places)
    # "340,908 connections, but only 60,000 trainable free parameters"; 840 lead to the bitmaps.
    assert sum(row[3] for row in LENET5) + 84 * 10 == 340_908
    assert sum(row[2] for row in LENET5) == 60_000
    assert count(network) == 60_000 + 84 * 10 + 10


@pytest.mark.parametrize(
    ("c3", "subsampling", "parameters"),
    [
        ("sparse", "trainable", 60_850),
        ("sparse", "average", 60_806),
        ("full", "trainable", 61_750),
        ("full", "average", 61_706),  # the widespread variant
    ],
)
def test_lenet5_variants(c3: str, subsampling: str, parameters: int) -> None:
    assert count(LeNet5(1, 10, 28, c3=c3, subsampling=subsampling)) == parameters


def test_lenet5_has_the_connections_of_table_1() -> None:
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len(set(C3_TABLE)) == 16
    for seen in range(6):  # the table is balanced: each map of S2 feeds ten maps of C3
        assert sum(seen in row for row in C3_TABLE) == 10


def test_sparse_convolution_is_a_convolution_with_zeros() -> None:
    torch.manual_seed(0)
    sparse, dense = SparseConv2d(6, C3_TABLE, 5), nn.Conv2d(6, 16, 5)
    nn.init.normal_(sparse.weight)
    nn.init.normal_(sparse.bias)
    connection = 0
    with torch.no_grad():
        dense.weight.zero_()
        dense.bias.copy_(sparse.bias)
        for out, row in enumerate(C3_TABLE):
            for seen in row:
                dense.weight[out, seen] = sparse.weight[connection]
                connection += 1
    assert connection == 60
    images = torch.randn(2, 6, 14, 14)
    torch.testing.assert_close(sparse(images), dense(images))


@pytest.mark.parametrize("size", [28, 29, 30, 31, 32, 33, 36, 40, 41, 64, 224])
def test_lenet5_takes_28_pixels_and_more(size: int) -> None:
    assert LeNet5(3, 7, size)(torch.randn(2, 3, size, size)).shape == (2, 7)


# ZFNet: Zeiler and Fergus, 2014, figure 3 --------------------------------------------------------


def test_zfnet_has_the_maps_of_the_figure() -> None:
    with torch.device("meta"):
        network = ZFNet()
        shapes = output_shapes(network, torch.empty(1, 3, 224, 224), (nn.Conv2d, nn.MaxPool2d, nn.Linear))
    assert shapes == [
        (96, 110, 110),
        (96, 55, 55),
        (256, 26, 26),
        (256, 13, 13),
        (384, 13, 13),
        (384, 13, 13),
        (256, 13, 13),
        (256, 6, 6),
        (4096,),
        (4096,),
        (1000,),
    ]
    by_hand = (
        96 * (3 * 7 * 7 + 1)
        + 256 * (96 * 5 * 5 + 1)
        + 384 * (256 * 3 * 3 + 1)
        + 384 * (384 * 3 * 3 + 1)
        + 256 * (384 * 3 * 3 + 1)
        + 4096 * (256 * 6 * 6 + 1)
        + 4096 * (4096 + 1)
        + 1000 * (4096 + 1)
    )
    assert count(network) == by_hand == 62_357_608


# MobileNetV1: Howard et al., 2017, tables 1 and 6 ------------------------------------------------


def test_mobilenet_v1_has_the_layers_of_table_1() -> None:
    with torch.device("meta"):
        shapes = output_shapes(MobileNetV1(), torch.empty(1, 3, 224, 224), (nn.Conv2d,))
    pairs = (  # the maps after each depthwise and each 1 x 1 convolution
        [(32, 112), (64, 112), (64, 56), (128, 56), (128, 56), (128, 56)]
        + [(128, 28), (256, 28), (256, 28), (256, 28), (256, 14), (512, 14)]
        + [(512, 14), (512, 14)] * 5
        + [(512, 7), (1024, 7), (1024, 7), (1024, 7)]
    )
    assert shapes == [(32, 112, 112)] + [(channels, side, side) for channels, side in pairs]


@pytest.mark.parametrize(
    ("width", "million_parameters", "million_products"),
    [(1.0, 4.2, 569), (0.75, 2.6, 325), (0.5, 1.3, 149), (0.25, 0.5, 41)],
)
def test_mobilenet_v1_costs_what_table_6_says(width: float, million_parameters: float, million_products: int) -> None:
    products = 0

    def add(module: nn.Module, _: tuple, output: Tensor) -> None:
        nonlocal products
        products += module.weight[0].numel() * output.numel()

    with torch.device("meta"):
        network = MobileNetV1(width=width).eval()
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.register_forward_hook(add)
        network(torch.empty(1, 3, 224, 224))
    assert round(count(network) / 1e6, 1) == million_parameters
    assert round(products / 1e6) == million_products


# CIFAR ResNets: He et al., 2016, section 4.2 and table 6 -----------------------------------------


@pytest.mark.parametrize(
    ("depth", "million_parameters", "parameters"),
    [
        (20, 0.27, 269_722),
        (32, 0.46, 464_154),
        (44, 0.66, 658_586),
        (56, 0.85, 853_018),
        (110, 1.7, 1_727_962),
        (1202, 19.4, 19_421_274),
    ],
)
def test_cifar_resnet_has_the_numbers_of_table_6(depth: int, million_parameters: float, parameters: int) -> None:
    with torch.device("meta"):
        network = CifarResNet(num_classes=10, depth=depth)
    assert count(network) == parameters
    digits = 2 if million_parameters < 1 else 1
    assert round(parameters / 1e6, digits) == million_parameters
    layers = [module for module in network.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth  # "6n + 2 stacked weighted layers": no convolution in a shortcut


def test_cifar_resnet_has_the_maps_of_section_4_2() -> None:
    network, n = CifarResNet(num_classes=10, depth=20), 3
    shapes = output_shapes(network, torch.zeros(1, 3, 32, 32), (nn.Conv2d,))
    expected = [(16, 32, 32)] * (1 + 2 * n) + [(32, 16, 16)] * 2 * n + [(64, 8, 8)] * 2 * n
    assert shapes == expected


def test_cifar_resnet_shortcut_has_every_second_pixel_and_zeros() -> None:
    x = torch.randn(2, 16, 8, 8)
    shortcut = CifarResNet(depth=20).layer2[0].downsample
    y = shortcut(x)
    assert count(shortcut) == 0
    assert torch.equal(y[:, :16], x[:, :, ::2, ::2])
    assert y.shape == (2, 32, 4, 4) and not y[:, 16:].any()


# The small ones ----------------------------------------------------------------------------------


def test_linear_networks_and_the_tutorial_network_count_by_hand() -> None:
    assert count(Softmax(1, 10, 28)) == 784 * 10 + 10
    # The 28x28-300-100-10 network of LeCun et al., 1998, section III.C
    assert count(MLP(1, 10, 28)) == 784 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10
    assert count(CNN(1, 10, 28)) == 320 + 18_496 + (64 * 7 * 7 + 1) * 128 + 1_290 == 421_642
