"""The moving average: its formula, its swap with the networks' own weights, and that it is what is measured."""

import pytest
import torch
from torch import nn

from nets.training.average import MovingAverage


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_it_is_the_recursion(network):
    average = MovingAverage(network, 0.5)
    expected = weights(network)
    for step in range(1, 20):
        network(torch.randn(8, 3)).sum()  # changes the statistics
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
        decay = min(0.5, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            expected[name] = (
                decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value.clone()
            )
        average.update(step)
    for name, value in expected.items():
        assert torch.allclose(average.weights[name], value, atol=1e-6), name
    assert average.weights["1.num_batches_tracked"] == 19


def test_it_comes_and_goes_without_a_trace(network):
    average = MovingAverage(network, 0.9)
    with torch.no_grad():
        network[0].weight.add_(1)
    own = weights(network)
    with pytest.raises(KeyError), average.applied():
        assert same(weights(network), average.weights)
        raise KeyError
    assert same(weights(network), own)
    assert not same(own, average.weights)


def test_a_checkpoint_gives_it_back(network):
    average, other = MovingAverage(network, 0.9), MovingAverage(network, 0.9)
    with torch.no_grad():
        network[0].weight.add_(1)
    average.update(3)
    other.restore(average.weights)
    assert same(average.weights, other.weights)
