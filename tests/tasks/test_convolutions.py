"""Convolutions that oneDNN gets wrong on CPUs are found, and computed right in another way."""

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nets.data.batches import Batch
from nets.models.resnet import ResNet
from nets.run import Network
from nets.tasks import contract, convolutions
from nets.tasks.classification import Classification
from nets.tasks.convolutions import PickingConv2d, Recording, known_bad, mend

CPU = torch.device("cpu")


def record(network, images):
    with Recording() as recorded, torch.no_grad():
        network(images)
    return recorded.found


def laid(tensor):
    return tensor.contiguous(memory_format=torch.channels_last)


def gradients(network, images):
    """The output of a network, and the gradients of its squares' mean, float64."""
    images = images.clone().requires_grad_()
    output = network(images)
    output.square().mean().backward()
    return [output.double(), images.grad.double(), *(p.grad.double() for p in network.parameters())]


@pytest.fixture
def onednn():
    """Puts oneDNN back into this process."""
    enabled = torch.backends.mkldnn.enabled
    yield
    torch.backends.mkldnn.set_flags(enabled)


@pytest.fixture
def task_of(run_of):
    """A function that makes the task of a narrow ResNet-18, or of another network of grey digits."""

    def make(network=None):
        torch.manual_seed(0)
        run = run_of("lenet5")
        run.networks["classifier"] = Network("nets.models.resnet.ResNet", {"depth": 18, "width": 0.125})
        task = Classification(run, Classification.pixel_range({"mean": [0.1], "std": [0.3]}), CPU)
        if network:
            task.networks["classifier"] = network.to(memory_format=torch.channels_last)
        return task

    return make


@pytest.mark.parametrize("channels", [1, 3, 8, 15])
@pytest.mark.parametrize(("stride", "size"), [((2, 2), (28, 28)), ((2, 1), (9, 8)), ((3, 3), (7, 7)), ((2, 2), (1, 1))])
def test_a_narrow_layer_is_mended_and_right(channels, stride, size):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(channels, 6, 1, stride)).to(memory_format=torch.channels_last)
    exact, images = copy.deepcopy(network).double(), torch.randn(3, channels, *size)
    mend(network)
    assert type(network[0]) is PickingConv2d and isinstance(network[0], nn.Conv2d)
    assert not any(map(known_bad, record(network, laid(images))))
    for ours, true in zip(gradients(network, laid(images)), gradients(exact, images.double()), strict=True):
        torch.testing.assert_close(ours, true, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 8, 1, 2),
        nn.Conv2d(8, 8, 1, 1),
        nn.Conv2d(8, 8, 3, 2),
        nn.Conv2d(8, 8, (1, 3), 2),
        nn.Conv2d(8, 8, 1, 2, padding=1),
        nn.Conv2d(8, 8, 1, 2, groups=2),
        nn.ConvTranspose2d(4, 16, 1, 2),
        nn.ConvTranspose2d(4, 8, 2, 2),
    ],
)
def test_other_layers_stay_as_they_are(layer):
    kind = type(layer)
    images = laid(torch.zeros(2, layer.in_channels, 8, 8))
    mend(layer.to(memory_format=torch.channels_last))
    assert type(layer) is kind
    assert not any(map(known_bad, record(layer, images)))


@pytest.mark.parametrize("layer", [nn.Conv2d(8, 16, 1, 2), nn.ConvTranspose2d(16, 8, 1, 2, output_padding=1)])
def test_contiguous_memory_is_right(layer):
    images = torch.zeros(2, layer.in_channels, 8, 8)
    assert not any(map(known_bad, record(layer, images)))
    assert all(map(known_bad, record(layer, laid(images))))
    assert all(map(known_bad, record(layer.to(memory_format=torch.channels_last), images)))


def test_a_subclass_is_left_alone():
    class Own(nn.Conv2d):
        pass

    layer = Own(3, 4, 1, 2)
    mend(layer)
    assert type(layer) is Own


def test_names_weights_and_copies_of_a_mended_network_stay():
    torch.manual_seed(0)
    plain = ResNet(1, 10, 28, width=0.125)
    mended = copy.deepcopy(plain)
    mend(mended)
    assert [type(m) for m in mended.modules()].count(PickingConv2d) == 1
    assert str(mended).replace("PickingConv2d", "Conv2d") == str(plain)
    for there, back in ((plain, mended), (mended, plain), (mended, copy.deepcopy(mended))):
        assert list(there.state_dict()) == list(back.state_dict())
        for parameter in there.parameters():
            nn.init.normal_(parameter)
        back.load_state_dict(there.state_dict())
        assert all(torch.equal(a, b) for a, b in zip(there.parameters(), back.parameters(), strict=True))
    file = io.BytesIO()
    torch.save(mended, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(again.eval()(images), mended.eval()(images))


def test_a_mended_resnet_is_the_plain_one_in_float64():
    torch.manual_seed(0)
    plain = ResNet(1, 10, 28, width=0.125).double()
    mended, images = copy.deepcopy(plain), torch.randn(3, 1, 28, 28, dtype=torch.float64)
    mend(mended)
    for ours, true in zip(gradients(mended, images), gradients(plain, images), strict=True):
        torch.testing.assert_close(ours, true, rtol=1e-9, atol=1e-12)


def test_tasks_mend_their_networks(task_of, monkeypatch):
    task = task_of()
    assert task.check() == [] and not any(map(known_bad, task.convolutions()))
    monkeypatch.setattr(contract, "mend", lambda network: None)
    bad = {convolution: where for convolution, where in task_of().convolutions().items() if known_bad(convolution)}
    assert [str(each) for each in bad] == ["1x1 convolution, stride 2x2, 8 to 16 channels, 28x28 pixels"]


def test_recording_leaves_no_trace(task_of):
    task = task_of()
    before = {name: value.clone() for name, value in task.networks.state_dict().items()}
    torch.manual_seed(7)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert len(task.convolutions()) > 10
    assert torch.equal(torch.rand(1), drawn)
    assert all(torch.equal(value, before[name]) for name, value in task.networks.state_dict().items())
    assert not task.networks.training


class Functional(nn.Module):
    """A shortcut that is no layer, and has its stride in training alone."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.shortcut = nn.Parameter(torch.randn(10, 4, 1, 1))

    def forward(self, images):
        maps = self.stem(images)
        return F.conv2d(maps, self.shortcut, stride=2 if self.training else 1).mean((2, 3))


def test_what_cannot_be_mended_is_said_and_right(task_of, onednn):
    network = Functional()
    exact = copy.deepcopy(network).double()
    task = task_of(network)
    (said,) = task.check()
    assert "1x1 convolution, stride 2x2, 4 to 10 channels, 28x28 pixels (test_convolutions.py, line " in said
    assert not torch.backends.mkldnn.enabled
    images, labels = torch.randn(3, 1, 28, 28), torch.tensor([0, 1, 2])
    task.optimizers["classifier"].step = lambda: None  # so that the gradients stay to be seen
    task.step(Batch(laid(images), labels, None))
    F.cross_entropy(exact(images.double()), labels).backward()
    for name in ("stem.weight", "shortcut"):
        ours, true = network.get_parameter(name).grad.double(), exact.get_parameter(name).grad
        torch.testing.assert_close(ours, true, rtol=1e-4, atol=1e-5)


def test_without_onednn_its_kernels_are_not_called(onednn, capfd):
    layer, images = nn.Conv2d(20, 8, 1, 2).to(memory_format=torch.channels_last), laid(torch.randn(3, 20, 8, 8))
    for found, called in (({}, True), (record(nn.Conv2d(4, 8, 1, 2), laid(torch.zeros(2, 4, 8, 8))), False)):
        convolutions.avoid(found)
        with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
            layer(images).sum().backward()
        assert ("convolution" in capfd.readouterr().out) == called
