"""FCN and U-Net: any size, the papers' forms, and logits at the places of their pixels."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nets.models.fcn import FCN, Double, Enlarge
from nets.models.unet import UNet, mirrored

SIZES = [(28, 28), (32, 32), (40, 40), (64, 64), (45, 61), (33, 1), (7, 90)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def small_fcn(channels=1, classes=2, stride=8, **options):
    return FCN(channels, classes, stride, widths=(8, 8, 16, 16, 16), head_width=32, **options)


def small_unet(channels=1, classes=2, padding="same", depth=2, **options):
    return UNet(channels, classes, width=8, depth=depth, padding=padding, **options)


FORMS = {
    "fcn32": lambda *sizes: small_fcn(*sizes, stride=32),
    "fcn16": lambda *sizes: small_fcn(*sizes, stride=16),
    "fcn8": lambda *sizes: small_fcn(*sizes, stride=8),
    "fcn8 without batch norm": lambda *sizes: small_fcn(*sizes, stride=8, batch_norm=False),
    "unet": lambda *sizes: small_unet(*sizes),
    "unet with batch norm": lambda *sizes: small_unet(*sizes, batch_norm=True, depth=4),
    "unet of the paper": lambda *sizes: small_unet(*sizes, padding="valid"),
}


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_logits_have_the_size_of_the_image(form, size, channels):
    logits = form(channels, 5).eval()(torch.rand(2, channels, *size))
    assert logits.shape == (2, 5, *size)
    assert logits.isfinite().all()


def disturb(network):
    """Replace the zeros that some weights start with, because they block gradients."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return network


def test_every_parameter_learns(form):
    network = disturb(form(3, 4))
    logits = network(torch.rand(3, 3, 45, 61))
    F.cross_entropy(logits, torch.randint(4, (3, 45, 61))).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_evaluation_is_independent_of_the_batch(form):
    network = disturb(form(1, 3))
    network(torch.rand(8, 1, 40, 40))  # gives batch normalisation its statistics
    network.eval()
    images = torch.rand(3, 1, 40, 40)
    torch.testing.assert_close(network(images[1:2]), network(images)[1:2])


def test_one_batch_can_be_learned_by_heart(form):
    network = form(1, 3)
    square = 32 if isinstance(network, FCN) else 12  # it can't resolve squares smaller than its stride
    truth = torch.randint(3, (2, 3, 3)).repeat_interleave(square, 1).repeat_interleave(square, 2)
    images = (truth[:, None] - 1) * 0.5 + 0.1 * torch.randn(2, 1, *truth.shape[1:])
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(network(images), truth).backward()
        optimizer.step()
    network.train()  # the batch's own statistics; the running ones lag behind
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    accuracy = network(images).argmax(1).eq(truth).float().mean().item()
    assert accuracy > (0.8 if isinstance(network, FCN) else 0.9)


def convolution(before, after, kernel=3):
    return before * after * kernel**2 + after


def test_parameter_counts():
    assert parameters(FCN(stride=32)) == 3_762_581
    assert parameters(FCN(stride=16)) == 3_762_581 + convolution(256, 21, 1) + 21 * 21 * 16
    assert parameters(FCN(stride=8)) == 3_784_799
    widths = (1, 64, 128, 256, 512, 1024)
    down = sum(convolution(a, b) + convolution(b, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
    up = sum(convolution(2 * b, b, 2) + convolution(2 * b, b) + convolution(b, b) for b in widths[1:-1])
    with torch.device("meta"):
        for padding in ("same", "valid"):
            assert parameters(UNet(padding=padding)) == down + up + convolution(64, 2, 1) == 31_030_658


def test_the_papers_fcn_is_vgg16_with_convolutions_for_dense_layers():
    with torch.device("meta"):
        network = FCN(
            widths=(64, 128, 256, 512, 512),
            convolutions=(2, 2, 3, 3, 3),
            stride=32,
            head_width=4096,
            head_kernel=7,
            batch_norm=False,
        )
    vgg16, its_last_layer = 138_357_544, 4096 * 1000 + 1000
    assert parameters(network) == vgg16 - its_last_layer + convolution(4096, 21, 1)


def test_the_papers_unet_makes_388_pixels_of_572():
    with torch.device("meta"):
        network = UNet(padding="valid")
        assert network.segment(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert len(UNet(width=1, padding="valid").tile(388)) == 572


@pytest.mark.parametrize("size, before, after", [(28, 92, 100), (28, 5, 3), (2, 7, 7), (5, 0, 0), (3, 20, 1)])
def test_mirrored_is_reflection(size, before, after):
    expected = np.pad(np.arange(size), (before, after), mode="reflect")
    assert mirrored(size, before, after).tolist() == expected.tolist()


def test_mirrored_repeats_a_single_pixel():
    assert mirrored(1, 3, 2).tolist() == [0] * 6


def test_the_valid_unet_sees_the_image_in_the_middle_of_its_mirror_image():
    network = small_unet(padding="valid", depth=2).eval()
    image = torch.rand(1, 1, 28, 36)
    margin = 20  # 6 * 2^2 - 4
    around = F.pad(image, (margin, margin, margin, margin), mode="reflect")
    torch.testing.assert_close(network(image), network.segment(around))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("size", [4, 17, 28, 33])
def test_the_valid_unets_tile_covers_the_image(size, depth):
    network = UNet(width=1, depth=depth, padding="valid")
    tile = network.tile(size)
    covered = network.segment(torch.zeros(1, 1, len(tile), len(tile))).shape[2]
    assert size <= covered < size + 2**depth
    assert len(tile) - covered == 12 * 2**depth - 8  # an equal margin on both sides


@pytest.mark.parametrize("padding, depth, step", [("same", 2, 4), ("valid", 2, 4), ("same", 3, 8)])
def test_a_unets_logits_move_with_the_image(padding, depth, step):
    network = small_unet(padding=padding, depth=depth).eval()
    image = torch.rand(1, 1, 24, 128 + step)
    logits, moved = network(image[..., :128]), network(image[..., step:])
    torch.testing.assert_close(logits[..., 56 + step : 72 + step], moved[..., 56:72], atol=1e-5, rtol=1e-4)


def averaging(network, monkeypatch):
    """Make every layer a mean of its inputs, so that only geometry counts."""
    monkeypatch.setattr(F, "max_pool2d", F.avg_pool2d)
    for module in network.modules():
        if isinstance(module, Double):
            continue
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            fan_in = module.weight[0].numel() if isinstance(module, nn.Conv2d) else len(module.weight)
            nn.init.constant_(module.weight, 1 / fan_in)
            nn.init.zeros_(module.bias)
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(2, ceil_mode=True))
    return network.eval()


@pytest.mark.parametrize("form_name", ["fcn8", "fcn16", "fcn32", "unet", "unet of the paper"])
@pytest.mark.parametrize("size", [(320, 288), (331, 307)], ids=str)
def test_logits_stand_where_their_pixels_are(form_name, size, monkeypatch):
    """The pixels on which a square of logits depends have their centre of gravity in the middle of the square."""
    network = averaging(FORMS[form_name](1, 1), monkeypatch)
    image = torch.full((1, 1, *size), 0.5, requires_grad=True)
    network(image)[:, :, 128:192, 128:192].sum().backward()
    weight = image.grad[0, 0] / image.grad.sum()
    middle = torch.tensor([(weight.sum(1 - axis) * torch.arange(size[axis])).sum() for axis in (0, 1)])
    torch.testing.assert_close(middle, torch.tensor([159.5, 159.5]), rtol=0, atol=0.3)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_unet_knows_details_that_do_not_pass_its_bottom(padding):
    network = small_unet(padding=padding).eval()
    network.bottom.register_forward_hook(lambda _module, _inputs, output: 0 * output)
    image = torch.rand(1, 1, 28, 28)
    assert (network(image) - network(1 - image)).abs().max() > 0.01


@pytest.mark.parametrize("factor", [8, 16, 32])
def test_enlarging_is_bilinear(factor):
    x = torch.rand(2, 3, 6, 5)
    enlarged = Enlarge(3, factor)(x)
    expected = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    inner = slice(factor // 2, -factor // 2)  # nearer to the edge the image does not continue
    torch.testing.assert_close(enlarged[:, :, inner, inner], expected[:, :, inner, inner])


def test_doubling_starts_bilinear_and_learns_while_the_last_enlargement_is_fixed():
    x = torch.rand(2, 3, 6, 5)
    torch.testing.assert_close(Double(3)(x), Enlarge(3, 2)(x))
    assert Double(3).weight.requires_grad
    assert not list(Enlarge(3, 8).parameters())


def test_scores_start_at_zero():
    assert not small_fcn()(torch.rand(2, 1, 40, 40)).any()


def test_impossible_forms_are_refused():
    with pytest.raises(ValueError, match="stride of FCN must be one of"):
        FCN(stride=4)
    with pytest.raises(ValueError, match="must be 'same' or 'valid', not 'full'"):
        UNet(padding="full")
