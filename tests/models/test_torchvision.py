"""Networks that torchvision has are the same here: names, numbers, outputs, gradients."""

import pytest
import torch
import torchvision.models as theirs
from torch import nn

from nets.models.alexnet import AlexNet
from nets.models.googlenet import GoogLeNet
from nets.models.mobilenet import MobileNetV2
from nets.models.resnet import ResNet
from nets.models.vgg import VGG

NETWORKS = {  # ours, its arguments, torchvision's, its arguments, published number of parameters
    "alexnet": (AlexNet, {}, theirs.alexnet, {}, 61_100_840),
    "vgg11": (VGG, {"depth": 11}, theirs.vgg11, {}, 132_863_336),
    "vgg13": (VGG, {"depth": 13}, theirs.vgg13, {}, 133_047_848),
    "vgg16": (VGG, {"depth": 16}, theirs.vgg16, {}, 138_357_544),
    "vgg19": (VGG, {"depth": 19}, theirs.vgg19, {}, 143_667_240),
    "vgg11_bn": (VGG, {"depth": 11, "batch_norm": True}, theirs.vgg11_bn, {}, 132_868_840),
    "vgg13_bn": (VGG, {"depth": 13, "batch_norm": True}, theirs.vgg13_bn, {}, 133_053_736),
    "vgg16_bn": (VGG, {"depth": 16, "batch_norm": True}, theirs.vgg16_bn, {}, 138_365_992),
    "vgg19_bn": (VGG, {"depth": 19, "batch_norm": True}, theirs.vgg19_bn, {}, 143_678_248),
    "googlenet": (GoogLeNet, {}, theirs.GoogLeNet, {"init_weights": False}, 13_004_888),
    "googlenet_no_aux": (
        GoogLeNet,
        {"aux_logits": False},
        theirs.GoogLeNet,
        {"init_weights": False, "aux_logits": False},
        6_624_904,
    ),
    "resnet18": (ResNet, {"depth": 18}, theirs.resnet18, {}, 11_689_512),
    "resnet34": (ResNet, {"depth": 34}, theirs.resnet34, {}, 21_797_672),
    "resnet50": (ResNet, {"depth": 50}, theirs.resnet50, {}, 25_557_032),
    "resnet101": (ResNet, {"depth": 101}, theirs.resnet101, {}, 44_549_160),
    "resnet152": (ResNet, {"depth": 152}, theirs.resnet152, {}, 60_192_808),
    "mobilenet_v2": (MobileNetV2, {}, theirs.mobilenet_v2, {}, 3_504_872),
    "mobilenet_v2_narrow": (
        MobileNetV2,
        {"width": 0.35},
        theirs.mobilenet_v2,
        {"width_mult": 0.35},
        1_677_128,
    ),
    "mobilenet_v2_wide": (
        MobileNetV2,
        {"width": 1.4},
        theirs.mobilenet_v2,
        {"width_mult": 1.4},
        6_108_776,
    ),
}

# Full images if that is cheap, otherwise small ones, which both accept.
IMAGE_SIZES = {
    "alexnet": 224,
    "vgg11": 224,
    "vgg13": 32,
    "vgg16": 32,
    "vgg19": 32,
    "vgg11_bn": 32,
    "vgg13_bn": 32,
    "vgg16_bn": 32,
    "vgg19_bn": 32,
    "googlenet": 224,
    "googlenet_no_aux": 64,
    "resnet18": 224,
    "resnet34": 64,
    "resnet50": 64,
    "resnet101": 64,
    "resnet152": 64,
    "mobilenet_v2": 224,
}
# At these sizes the average pool changes its input, and ours sums in another order than torchvision's.
POOLED = [name for name, size in IMAGE_SIZES.items() if name == "googlenet" or (name.startswith("vgg") and size == 32)]


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    ours, arguments, their, their_arguments, _ = NETWORKS[name]
    return ours(**arguments), their(**their_arguments)


@pytest.mark.parametrize("name", NETWORKS)
def test_same_names_shapes_and_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        mine, reference = pair(name)
    shapes = {key: value.shape for key, value in mine.state_dict().items()}
    assert shapes == {key: value.shape for key, value in reference.state_dict().items()}
    # The same order, so that an optimizer's state fits as well.
    assert [key for key, _ in mine.named_parameters()] == [key for key, _ in reference.named_parameters()]
    assert sum(p.numel() for p in mine.parameters()) == NETWORKS[name][-1]


@pytest.mark.parametrize("name", IMAGE_SIZES)
def test_same_outputs_and_gradients(name: str) -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        mine, _ = pair(name)
    reference = NETWORKS[name][2](**NETWORKS[name][3])
    for module in reference.modules():  # statistics that would show a difference
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    copy = {key: value.clone() for key, value in reference.state_dict().items()}
    mine.load_state_dict(copy, strict=True, assign=True)
    for parameter in mine.parameters():
        parameter.requires_grad_()

    images = torch.randn(2, 3, IMAGE_SIZES[name], IMAGE_SIZES[name])
    with torch.no_grad():
        expected = reference.eval()(images)
        assert expected.std() > 0
        assert torch.equal(mine.eval()(images), expected)

    expected, results = train(reference, images), train(mine, images)
    assert type(results[0]) is torch.Tensor or results[0]._fields == expected[0]._fields
    check_same(dict(enumerate(logits_of(results[0]))), dict(enumerate(logits_of(expected[0]))), name)
    check_same(gradients(mine, results[1]), gradients(reference, expected[1]), name)
    check_same(*({key: b.float() for key, b in each.named_buffers()} for each in (mine, reference)), name)


def test_googlenets_own_weights_want_images_in_minus_one_to_one() -> None:
    """Torchvision's input has ImageNet's statistics, which the network undoes; weights.yaml states the result."""
    torch.manual_seed(0)
    reference = theirs.GoogLeNet(num_classes=5, transform_input=True, init_weights=False).eval()
    mine = GoogLeNet(num_classes=5).eval()
    mine.load_state_dict(reference.state_dict())
    images, preset = torch.rand(2, 3, 64, 64), theirs.GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    mean, std = (torch.tensor(values)[:, None, None] for values in (preset.mean, preset.std))
    with torch.no_grad():
        torch.testing.assert_close(mine((images - 0.5) / 0.5), reference((images - mean) / std))


def check_same(actual: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], name: str) -> None:
    """Bitwise equal, or close relative to the norm of all tensors if a pool sums in another order."""
    assert actual.keys() == wanted.keys()
    size = sum(tensor.detach().square().sum().item() for tensor in wanted.values()) ** 0.5
    for key, tensor in actual.items():
        same = torch.equal(tensor, wanted[key]) or name in POOLED and (tensor - wanted[key]).norm() < 1e-6 * size
        assert same, key


def gradients(network: nn.Module, at_images: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"images": at_images} | {key: parameter.grad for key, parameter in network.named_parameters()}


def train(network: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs in training mode and the gradient at the images, with the same dropout for both."""
    images = images.clone().requires_grad_()
    torch.manual_seed(1)
    output = network.train()(images)
    sum(logits.square().sum() for logits in logits_of(output)).backward()
    return output, images.grad


def logits_of(output: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return output if isinstance(output, tuple) else (output,)
