"""Multiply-accumulates, against counts by hand, for every kernel that may compute them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nets.models.ddpm import Denoiser
from nets.tasks.macs import count_macs

L, D, HEADS = 16, 8, 2


class Function(nn.Module):
    """A network without weights."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


class SelfAttention(nn.Module):
    def __init__(self, need_weights):
        super().__init__()
        self.attention, self.need_weights = nn.MultiheadAttention(D, HEADS, batch_first=True), need_weights

    def forward(self, x):
        return self.attention(x, x, x, need_weights=self.need_weights)[0]


def chosen(backend):
    def attend(x):
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(x, x, x)

    return Function(attend)


SEQUENCE, SPLIT = (1, L, D), (1, HEADS, L, D // HEADS)
ATTENTION = 2 * L * L * D  # queries by keys, and their shares by values: over all heads
PROJECTIONS = 4 * L * D * D
NETWORKS = {
    "attention": (Function(lambda x: F.scaled_dot_product_attention(x, x, x)), [SPLIT], ATTENTION),
    "causal": (Function(lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True)), [SPLIT], ATTENTION),
    "other length": (
        Function(lambda q, k: F.scaled_dot_product_attention(q, k, k)),
        [SPLIT, (1, HEADS, 5, D // HEADS)],
        2 * L * 5 * D,
    ),
    "its own kernel": (chosen(SDPBackend.FLASH_ATTENTION), [SPLIT], ATTENTION),
    "multihead": (SelfAttention(True), [SEQUENCE], PROJECTIONS + ATTENTION),
    "multihead without weights": (SelfAttention(False), [SEQUENCE], PROJECTIONS + ATTENTION),
    "transformer": (
        nn.TransformerEncoderLayer(D, HEADS, 16, batch_first=True), [SEQUENCE], PROJECTIONS + ATTENTION + 2 * L * D * 16
    ),
    "lstm": (nn.LSTM(D, 5, num_layers=2, bidirectional=True), [(L, 1, D)], L * 2 * 4 * 5 * (D + 5 + 2 * 5 + 5)),
    "gru": (nn.GRU(D, 5), [(L, 1, D)], L * 3 * 5 * (D + 5)),
    "lstm cell": (nn.LSTMCell(D, 5), [(1, D)], 4 * 5 * (D + 5)),
    "bilinear": (nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)], 2 * 5 * (3 * 4 + 4)),
    "linear": (nn.Linear(D, 3), [(1, D)], 3 * D),
    "linear of a vector": (nn.Linear(D, 3, bias=False), [(D,)], 3 * D),
    "dot": (Function(torch.dot), [(7,), (7,)], 7),
    "matrix by vector": (Function(torch.mv), [(4, 5), (5,)], 20),
    "addmv": (Function(torch.addmv), [(4,), (4, 5), (5,)], 20),
    "addmm": (Function(torch.addmm), [(4, 6), (4, 5), (5, 6)], 120),
    "baddbmm": (Function(torch.baddbmm), [(3, 4, 6), (3, 4, 5), (3, 5, 6)], 360),
    "addbmm": (Function(torch.addbmm), [(4, 6), (3, 4, 5), (3, 5, 6)], 360),
    "einsum": (Function(lambda x, y: torch.einsum("bij,bjk->ik", x, y)), [(3, 4, 5), (3, 5, 6)], 360),
    "convolution": (nn.Conv2d(4, 6, 3, padding=1, groups=2), [(1, 4, 5, 5)], 5 * 5 * 6 * 2 * 9),
    "transposed convolution": (nn.ConvTranspose2d(2, 3, 4, stride=2), [(1, 2, 5, 5)], 5 * 5 * 2 * 3 * 16),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore:.*nested tensor")
def test_products_are_counted_in_whatever_layer_they_are(name):
    network, shapes, by_hand = NETWORKS[name]
    assert count_macs(network, *(torch.randn(shape) for shape in shapes)) == by_hand


def test_the_attention_of_a_denoiser_is_counted():
    """Only attention grows with the square of the pixels: 2 L² d in each of its places."""
    attended, plain = (
        Denoiser(in_channels=1, image_size=28, width=8, multipliers=(1, 2, 4), attention=sizes, dropout=0)
        for sizes in ([14], [])
    )
    inputs = torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.long)
    places = [m for m in attended.modules() if type(m).__name__ == "Attention"]
    middle = [m for m in plain.modules() if type(m).__name__ == "Attention"]
    added = len(places) - len(middle)
    width = 16  # channels of the maps of 14 x 14
    pixels = 14 * 14
    by_hand = added * (pixels * width * 3 * width + pixels * width * width + 2 * pixels**2 * width)
    assert added > 0
    assert count_macs(attended, *inputs) - count_macs(plain, *inputs) == by_hand


def test_counting_leaves_everything_as_it_was():
    network = nn.LSTM(3, 3).train()
    before = torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled, torch.backends.mha.get_fastpath_enabled()
    count_macs(network, torch.randn(2, 1, 3))
    after = torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled, torch.backends.mha.get_fastpath_enabled()
    assert after == before and network.training
    with pytest.raises(RuntimeError):
        count_macs(network, torch.randn(2, 1, 4))
    assert (torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled) == before[:2]
