"""What every classifier must do, at 28 pixels with one channel and at 32 with three."""

import inspect
import io
from functools import cache

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nets.models.alexnet import AlexNet
from nets.models.autoencoder import EncoderClassifier
from nets.models.cnn import CNN
from nets.models.googlenet import GoogLeNet
from nets.models.lenet import LeNet5
from nets.models.linear import MLP, Softmax
from nets.models.mobilenet import MobileNetV1, MobileNetV2
from nets.models.pooling import AveragePool
from nets.models.resnet import CifarResNet, ResNet
from nets.models.speedrun import Speedrun
from nets.models.vgg import VGG
from nets.models.zfnet import ContrastNorm, ZFNet
from nets.suite.catalogues import ROOT
from nets.tasks.convolutions import Convolution, Recording, known_bad, mend
from nets.tasks.exactness import verify

# name: class, its arguments, arguments that make it fast and deterministic here, and the recorded
# number of parameters without these (28 pixels, 1 channel, 10 classes)
NO_DROPOUT = {"dropout": 0.0}
EIGHTH = {"width": 0.125, "dropout": 0.0}
NETWORKS = {
    "softmax": (Softmax, {}, {}, 7_850),
    "mlp": (MLP, {}, {}, 266_610),
    "mlp_bn": (MLP, {"batch_norm": True}, NO_DROPOUT, 267_410),
    "cnn": (CNN, {}, {"width": 0.25, "dropout": 0.0}, 421_642),
    "cnn_bn": (CNN, {"batch_norm": True}, {"width": 0.25, "dropout": 0.0}, 421_834),
    "lenet5": (LeNet5, {}, {}, 60_850),
    "lenet5_full": (LeNet5, {"c3": "full", "subsampling": "average"}, {}, 61_706),
    "lenet5_relu": (LeNet5, {"activation": "relu"}, {}, 60_850),
    "encoder_classifier": (EncoderClassifier, {}, {"widths": [8, 16, 32]}, 158_634),
    "alexnet": (AlexNet, {}, EIGHTH, 7_703_242),
    "zfnet": (ZFNet, {}, EIGHTH, 8_972_234),
    "vgg11": (VGG, {"depth": 11}, EIGHTH, 9_749_770),
    "vgg11_bn": (VGG, {"depth": 11, "batch_norm": True}, EIGHTH, 9_755_274),
    "vgg13": (VGG, {"depth": 13}, EIGHTH, 9_934_282),
    "vgg13_bn": (VGG, {"depth": 13, "batch_norm": True}, EIGHTH, 9_940_170),
    "vgg16": (VGG, {"depth": 16}, EIGHTH, 15_243_978),
    "vgg16_bn": (VGG, {"depth": 16, "batch_norm": True}, EIGHTH, 15_252_426),
    "vgg19": (VGG, {"depth": 19}, EIGHTH, 20_553_674),
    "vgg19_bn": (VGG, {"depth": 19, "batch_norm": True}, EIGHTH, 20_564_682),
    "googlenet": (GoogLeNet, {}, EIGHTH | {"dropout_aux": 0.0}, 9_951_806),
    "googlenet_no_aux": (GoogLeNet, {"aux_logits": False}, EIGHTH, 5_601_322),
    "resnet18": (ResNet, {"depth": 18}, {"width": 0.125}, 11_172_810),
    "resnet34": (ResNet, {"depth": 34}, {"width": 0.125}, 21_280_970),
    "resnet50": (ResNet, {"depth": 50}, {"width": 0.125}, 23_519_690),
    "resnet101": (ResNet, {"depth": 101}, {"width": 0.0625}, 42_511_818),
    "resnet152": (ResNet, {"depth": 152}, {"width": 0.0625}, 58_155_466),
    "resnet20": (CifarResNet, {"depth": 20}, {"width": 0.5}, 269_434),
    "resnet32": (CifarResNet, {"depth": 32}, {"width": 0.125}, 463_866),
    "resnet44": (CifarResNet, {"depth": 44}, {"width": 0.125}, 658_298),
    "resnet56": (CifarResNet, {"depth": 56}, {"width": 0.25}, 852_730),
    "plain20": (CifarResNet, {"depth": 20, "shortcuts": False}, {"width": 0.5}, 269_434),
    "plain56": (CifarResNet, {"depth": 56, "shortcuts": False}, {"width": 0.25}, 852_730),
    "resnet110": (CifarResNet, {"depth": 110}, {"width": 0.125}, 1_727_674),
    "speedrun": (Speedrun, {}, {"width": 0.25}, 1_962_120),
    "mobilenet_v1": (MobileNetV1, {}, {"width": 0.25}, 3_216_650),
    "mobilenet_v2": (MobileNetV2, {}, {"width": 0.25, "dropout": 0.0}, 2_236_106),
}
SIZES = [(28, 1), (32, 3)]
CATALOGUE = yaml.safe_load((ROOT / "config/models.yaml").read_text())
verified = cache(verify)
every_network = pytest.mark.parametrize("name", NETWORKS)
every_size = pytest.mark.parametrize(("size", "channels"), SIZES)


def build(name: str, size: int, channels: int, classes: int = 10, narrow: bool = True) -> nn.Module:
    network, arguments, quick, _ = NETWORKS[name]
    arguments = arguments | (quick if narrow else {})
    if "image_size" in inspect.signature(network).parameters:
        arguments = arguments | {"image_size": size}
    torch.manual_seed(0)
    return network(in_channels=channels, num_classes=classes, **arguments)


def outputs(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    result = network(images)
    return result if isinstance(result, tuple) else (result,)


def test_every_classifier_of_the_catalogue_is_here() -> None:
    assert {name for name, entry in CATALOGUE.items() if entry["task"] == "classification"} <= set(NETWORKS)


@every_network
def test_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        network = build(name, size=28, channels=1, narrow=False)
    assert sum(parameter.numel() for parameter in network.parameters()) == NETWORKS[name][-1]


@every_network
@every_size
def test_logits_and_a_gradient_at_every_parameter(name: str, size: int, channels: int) -> None:
    network = build(name, size, channels, classes=7).train()
    results = outputs(network, torch.randn(4, channels, size, size))
    for logits in results:
        assert logits.shape == (4, 7)
        assert logits.isfinite().all()
    sum(F.cross_entropy(logits, torch.tensor([0, 1, 2, 6])) for logits in results).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all() and parameter.grad.any(), key


@every_network
@every_size
def test_evaluation_is_independent_of_the_batch(name: str, size: int, channels: int) -> None:
    network = build(name, size, channels).double()  # the deepest networks amplify rounding errors
    images = torch.randn(4, channels, size, size, dtype=torch.float64)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = 1.0  # so that one pass sets the running statistics
    with torch.no_grad():
        network.train()(images)
        network.eval()
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    assert type(together) is Tensor and together.shape == (4, 10)
    assert together.std(dim=0).min() > 0  # the output depends on the images
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


@every_network
def test_state_survives_a_file(name: str) -> None:
    network = build(name, size=28, channels=1)
    images = torch.randn(4, 1, 28, 28)
    with torch.no_grad():
        network.train()(images)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    torch.manual_seed(1)
    other = build(name, size=28, channels=1)
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    other.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        assert torch.equal(other.eval()(images), network.eval()(images))


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "plain56"])  # too deep without shortcuts
def test_one_small_batch_can_be_learnt_by_heart(name: str) -> None:
    network = build(name, size=28, channels=1).train()
    images, labels = torch.randn(8, 1, 28, 28), torch.arange(8)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(150):
        results = outputs(network, images)
        if F.cross_entropy(results[0], labels) < 0.1:
            break
        optimiser.zero_grad()
        sum(F.cross_entropy(logits, labels) for logits in results).backward()
        optimiser.step()
    else:
        pytest.fail(f"the loss is still {F.cross_entropy(results[0], labels):.2f}")


@every_network
def test_the_last_linear_layer_is_the_head(name: str) -> None:
    network = build(name, size=28, channels=1, classes=13)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert linear[-1].out_features == 13
    logits = torch.randn(13)
    with torch.no_grad():
        linear[-1].weight.zero_()
        linear[-1].bias = nn.Parameter(logits)  # where there is none, too
        assert torch.equal(network.eval()(torch.randn(1, 1, 28, 28))[0], logits)


@every_network
def test_one_logit_makes_a_discriminator(name: str) -> None:
    for logits in outputs(build(name, 28, 1, classes=1).train(), torch.randn(4, 1, 28, 28)):
        assert logits.shape == (4, 1)


@pytest.mark.parametrize(
    ("name", "channels", "side_at_28", "side_at_32", "side_at_224"),
    [
        ("alexnet", 256, 4, 4, 6),
        ("zfnet", 256, 4, 4, 6),
        ("vgg16", 512, 1, 1, 7),
        ("googlenet", 1024, 4, 4, 7),
        ("resnet18", 512, 4, 4, 7),
        ("resnet50", 2048, 4, 4, 7),
        ("resnet20", 64, 7, 8, 56),
        ("mobilenet_v1", 1024, 4, 4, 7),
        ("mobilenet_v2", 1280, 4, 4, 7),
    ],
)
def test_the_last_maps_are_as_documented(
    name: str, channels: int, side_at_28: int, side_at_32: int, side_at_224: int
) -> None:
    shapes = []
    for size in (28, 32, 224):
        with torch.device("meta"):
            network = build(name, size, channels=3, narrow=False).eval()
            network.avgpool.register_forward_pre_hook(lambda m, x: shapes.append(x[0].shape))
            network(torch.empty(1, 3, size, size))
    sides = (side_at_28, side_at_32, side_at_224)
    assert shapes == [(1, channels, side, side) for side in sides]


@every_network
def test_large_images(name: str) -> None:
    network = build(name, size=224, channels=3).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, 224, 224)).shape == (1, 10)


@every_network
def test_every_convolution_is_right_on_this_processor(name: str) -> None:
    found: set[Convolution] = set()
    for size, channels in SIZES:
        with torch.device("meta"):  # shapes without numbers
            network, images = build(name, size, channels).train(), torch.zeros(2, channels, size, size)
        mend(network.to(memory_format=torch.channels_last))
        with Recording() as recorded, torch.no_grad():
            network(images)
        found |= set(recorded.found)
    assert not [str(convolution) for convolution in found if known_bad(convolution)]
    answers = {str(convolution): verified(convolution) for convolution in found}
    assert not {convolution: wrong for convolution, wrong in answers.items() if wrong}


REFUSED = ("_adaptive_avg_pool", "adaptive_max_pool", "avg_pool3d", "max_pool3d", "upsample_", "reflection_pad")


class Refused(TorchDispatchMode):
    """Collects operations whose gradient CUDA refuses under torch.use_deterministic_algorithms.

    An adaptive average of size 1 is a mean by the time it comes here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[str] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.operations += [str(operation) for name in REFUSED if name in str(operation)]
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("size", [28, 32, 40, 96])
@every_network
def test_gradients_are_deterministic_on_a_gpu(name: str, size: int) -> None:
    network = build(name, size, channels=1).train()
    with Refused() as refused:
        outputs(network, torch.randn(2, 1, size, size))
    assert not refused.operations


@pytest.mark.parametrize("name", ["alexnet", "zfnet", "googlenet", "vgg11", "lenet5"])
def test_gradients_are_deterministic_on_a_gpu_at_224_pixels(name: str) -> None:
    test_gradients_are_deterministic_on_a_gpu(name, 224)


@pytest.mark.parametrize("layer", [nn.AdaptiveAvgPool2d(4), nn.LocalResponseNorm(size=5)])
def test_the_watch_sees_what_it_looks_for(layer: nn.Module) -> None:
    with Refused() as refused:
        layer(torch.randn(2, 8, 7, 7, requires_grad=True))
    assert refused.operations


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (7, 7), (8, 8), (13, 14), (53, 53)])
@pytest.mark.parametrize("side", [1, 4, 5, 7])
def test_average_pool_is_torchs_own(side: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    ours, theirs = AveragePool(side)(maps), F.adaptive_avg_pool2d(maps, side)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(ours)
    gradients = [torch.autograd.grad((each * weights).sum(), maps)[0] for each in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_contrast_norm_is_torchs_own() -> None:
    maps = torch.randn(2, 9, 5, 6)
    constants = {"size": 5, "alpha": 1e-2, "beta": 0.75, "k": 2.0}
    torch.testing.assert_close(ContrastNorm(**constants)(maps), nn.LocalResponseNorm(**constants)(maps))


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        (LeNet5, {"image_size": 27}),
        (CNN, {"image_size": 3}),
        *((each, {"image_size": 7}) for each in (AlexNet, ZFNet, VGG, GoogLeNet, ResNet)),
        *((each, {"image_size": 7}) for each in (MobileNetV1, MobileNetV2)),
    ],
)
def test_images_of_the_wrong_size_are_refused(network: type[nn.Module], arguments: dict) -> None:
    with pytest.raises(ValueError, match=rf"^(This )?{network.__name__} takes images of .*\.$"):
        network(**arguments)


@pytest.mark.parametrize(("network", "smallest"), [(AlexNet, 63), (ZFNet, 47), (VGG, 32), (GoogLeNet, 15)])
def test_small_images_are_refused_by_a_large_stem(network: type[nn.Module], smallest: int) -> None:
    large = network(num_classes=10, image_size=224, width=0.05).eval()
    assert large(torch.randn(1, 3, smallest, smallest)).shape == (1, 10)
    with pytest.raises(ValueError, match=f"takes images of {smallest} pixels or more, not of"):
        large(torch.randn(1, 3, smallest, smallest - 1))


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        (LeNet5, {"c3": "dense"}),
        (LeNet5, {"activation": "gelu"}),
        (LeNet5, {"subsampling": "median"}),
        (VGG, {"depth": 12}),
        (ResNet, {"depth": 20}),
        (CifarResNet, {"depth": 18}),
    ],
)
def test_unknown_architectures_are_refused(network: type[nn.Module], arguments: dict) -> None:
    with pytest.raises(ValueError, match=str(next(iter(arguments.values())))):
        network(**arguments)
