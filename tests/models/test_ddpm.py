"""The denoiser, and the diffusion process against closed forms that are computed here."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from nets.models.ddpm import Attention, Denoiser, TimeEmbedding
from nets.tasks.diffusion_process import DiffusionProcess, final


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def small(channels=1, size=28, **options):
    """A narrow denoiser, without the zeros that some weights start with."""
    network = Denoiser(channels, size, **({"width": 8, "multipliers": (1, 2, 2), "blocks": 1} | options))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


# The network.


def test_the_papers_denoiser_of_cifar10_has_its_parameters():
    with torch.device("meta"):
        assert parameters(Denoiser()) == 35_746_307  # "35.7 million", appendix B
        assert parameters(Denoiser(1, 28, width=32, multipliers=(1, 2, 2), blocks=1)) == 1_112_801


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 40, 64, 15])
def test_the_noise_has_the_size_of_the_image_and_every_parameter_learns(size, channels):
    network = small(channels, size, multipliers=(1, 2, 2, 3))
    images, t = torch.randn(2, channels, size, size), torch.tensor([0, 999])
    noise = network(images, t)
    assert noise.shape == images.shape
    F.mse_loss(noise, torch.randn_like(images)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_it_starts_by_predicting_no_noise():
    assert not Denoiser(1, 28, width=8)(torch.randn(2, 1, 28, 28), torch.tensor([5, 6])).any()


def test_evaluation_is_independent_of_the_batch():
    network = small(dropout=0.5).eval()
    images, t = torch.randn(3, 1, 28, 28), torch.tensor([1, 50, 900])
    torch.testing.assert_close(network(images[1:2], t[1:2]), network(images, t)[1:2], atol=1e-5, rtol=1e-4)


def test_dropout_acts_in_training_alone():
    images, t = torch.randn(1, 1, 28, 28), torch.tensor([3])
    network = small(dropout=0.5)
    assert not torch.equal(network(images, t), network(images, t))
    network.eval()
    assert torch.equal(network(images, t), network(images, t))


def test_the_time_matters():
    network = small().eval()
    images = torch.randn(1, 1, 28, 28).expand(2, -1, -1, -1)
    early, late = network(images, torch.tensor([10, 20]))
    assert (early - late).abs().max() > 1e-3


def test_details_do_not_have_to_pass_the_middle():
    network = small().eval()
    network.middle2.register_forward_hook(lambda _module, _inputs, output: 0 * output)
    images, t = torch.randn(1, 1, 28, 28), torch.tensor([3])
    assert (network(images, t) - network(-images, t)).abs().max() > 1e-3


@pytest.mark.parametrize("size, nearest", [(28, 14), (32, 16), (40, 20), (64, 16)])
def test_attention_is_where_the_maps_are_nearest_to_16(size, nearest):
    network = Denoiser(1, size, width=4)
    seen = set()
    for module in network.modules():
        if isinstance(module, Attention):
            module.register_forward_hook(lambda _module, _inputs, output: seen.add(output.shape[2]))
    network(torch.zeros(1, 1, size, size), torch.tensor([0]))
    assert seen == {nearest, -(-size // 8)}  # and in the middle


def test_attention_can_be_chosen():
    def count(attention):
        return sum(isinstance(module, Attention) for module in small(attention=attention).modules())

    assert [count(()), count((28,)), count((14, 7))] == [1, 1 + 3, 1 + 3 + 3]


def test_impossible_forms_are_refused():
    with pytest.raises(ValueError, match=r"has maps of \[28, 14, 7, 4\], so it can't have attention at \[16\]"):
        Denoiser(1, 28, attention=(16,))
    with pytest.raises(ValueError, match="multiple of 4, not 30"):
        Denoiser(1, 28, width=30)


def test_attention_is_softmax_over_all_pixels():
    attention = Attention(8)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 8, 3, 5)
    q, k, v = attention.qkv(attention.norm(x)).flatten(2).chunk(3, dim=1)  # (N, C, H W)
    weights = torch.einsum("ncq,nck->nqk", q, k).div(math.sqrt(8)).softmax(2)
    expected = torch.einsum("nqk,nck->ncq", weights, v).reshape(x.shape)
    torch.testing.assert_close(attention(x), x + attention.output(expected))


def test_time_is_embedded_in_sines_from_one_radian_a_step_to_one_in_ten_thousand():
    embedding = TimeEmbedding(8)
    inputs_seen = []
    embedding.layers.register_forward_hook(lambda _module, inputs, _output: inputs_seen.append(inputs[0]))
    assert embedding(torch.tensor([0, 7])).shape == (2, 32)
    angles = [7 * 10_000 ** (-i / 3) for i in range(4)]
    expected = [[0.0] * 4 + [1.0] * 4, [math.sin(a) for a in angles] + [math.cos(a) for a in angles]]
    torch.testing.assert_close(inputs_seen[0], torch.tensor(expected))


def test_one_batch_of_noise_can_be_learned_by_heart():
    process = DiffusionProcess(100)
    network = Denoiser(1, 8, width=16, multipliers=(1, 2), blocks=1, dropout=0.0)
    images, noise = torch.rand(8, 1, 8, 8) * 2 - 1, torch.randn(8, 1, 8, 8)
    t = torch.randint(100, (8,))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        error = F.mse_loss(network(process.q_sample(images, t, noise), t), noise)
        error.backward()
        optimizer.step()
    assert error.item() < 0.1


# The process.

SCHEDULES = ("linear", "cosine")


def closed_form(schedule, steps):
    """The variances of the steps and the products of (1 - variance), in Python's float64."""
    if schedule == "linear":
        first, last = 0.1 / steps, 20 / steps
        betas = [min(0.999, first + (last - first) * step / (steps - 1)) for step in range(steps)]
    else:
        share = [math.cos((step / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for step in range(steps + 1)]
        betas = [min(0.999, 1 - after / before) for before, after in pairwise(share)]
    alpha_bar, product = [], 1.0
    for beta in betas:
        product *= 1 - beta
        alpha_bar.append(product)
    return betas, alpha_bar


def test_the_linear_schedule_ends_where_the_paper_says():
    process = DiffusionProcess(1000, "linear")
    assert process.betas[0].item() == pytest.approx(1e-4)
    assert process.betas[-1].item() == pytest.approx(0.02)
    assert process.alpha_bar[-1] == pytest.approx(4.0e-5, rel=0.02)
    shorter = DiffusionProcess(100, "linear").betas.sum().item()
    assert shorter == pytest.approx(process.betas.sum().item(), rel=1e-5)


def test_the_cosine_schedule_ends_where_its_paper_says():
    process = DiffusionProcess(1000, "cosine")
    assert process.betas[-1].item() == pytest.approx(0.999)
    assert process.betas[0].item() == pytest.approx(4.1e-5, rel=0.02)
    assert process.alpha_bar[499] == pytest.approx(0.49, abs=0.01)
    assert process.alpha_bar[-1] < 1e-6


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [4, 50, 1000])
def test_schedules_agree_with_their_formulas(schedule, steps):
    process = DiffusionProcess(steps, schedule)
    betas, alpha_bar = closed_form(schedule, steps)
    torch.testing.assert_close(process.betas, torch.tensor(betas))
    assert process.alpha_bar == pytest.approx(alpha_bar, rel=1e-9)
    assert all(after < before for before, after in pairwise([1.0, *process.alpha_bar]))


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="'sigmoid' is unknown"):
        DiffusionProcess(10, "sigmoid")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_samples_of_the_process_have_the_closed_forms_moments(schedule):
    process = DiffusionProcess(50, schedule)
    _, alpha_bar = closed_form(schedule, 50)
    for step in (0, 10, 30, 49):
        image = torch.full((1, 1, 200, 200), 0.7)
        noisy = process.q_sample(image, torch.tensor([step]), torch.randn_like(image))
        assert noisy.mean().item() == pytest.approx(0.7 * math.sqrt(alpha_bar[step]), abs=0.02)
        assert noisy.var().item() == pytest.approx(1 - alpha_bar[step], rel=0.03)


def test_step_by_step_the_process_arrives_where_it_jumps_to():
    process = DiffusionProcess(50)
    x = torch.full((1, 1, 200, 200), 0.7)
    for beta in process.betas[:30]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * torch.randn_like(x)
    assert x.mean().item() == pytest.approx(0.7 * math.sqrt(process.alpha_bar[29]), abs=0.02)
    assert x.var().item() == pytest.approx(1 - process.alpha_bar[29], rel=0.03)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [50, 1000])
def test_the_posterior_is_bayes_rule(schedule, steps):
    """q(x_{t-1} | x_t, x_0) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_0): two Gaussians multiplied."""
    process = DiffusionProcess(steps, schedule)
    betas, alpha_bar = closed_form(schedule, steps)
    x_0, x_t = torch.rand(2, 1, 2, 2) * 2 - 1, torch.randn(2, 1, 2, 2)
    for step in (1, 2, steps // 2, steps - 1):
        mean, variance = process.posterior(x_0, x_t, torch.tensor([step, step]))
        beta, before = betas[step], alpha_bar[step - 1]
        precision = (1 - beta) / beta + 1 / (1 - before)
        weighted = math.sqrt(1 - beta) / beta * x_t.double() + math.sqrt(before) / (1 - before) * x_0.double()
        torch.testing.assert_close(mean.double(), weighted / precision, rtol=1e-5, atol=1e-6)
        assert variance.shape == (2, 1, 1, 1)
        assert variance[0].item() == pytest.approx(1 / precision, rel=1e-5)
    mean, variance = process.posterior(x_0, x_t, torch.tensor([0, 0]))
    torch.testing.assert_close(mean, x_0)
    assert not variance.any()


def test_image_and_noise_are_predicted_from_each_other():
    process = DiffusionProcess(100)
    images, noise = torch.rand(3, 1, 4, 4) * 2 - 1, torch.randn(3, 1, 4, 4)
    t = torch.tensor([0, 40, 99])
    noisy = process.q_sample(images, t, noise)
    torch.testing.assert_close(process.predict_noise(noisy, t, images), noise, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(process.predict_image(noisy, t, noise), images, atol=1e-3, rtol=1e-3)
    assert process.predict_image(10 * noisy, t, noise).abs().max() <= 1


def generator():
    return torch.Generator().manual_seed(3)


def some_denoiser(x, t):
    return torch.tanh(x + 0.01 * t[:, None, None, None]) * 0.8


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [10, 200])
def test_ddim_with_all_steps_and_eta_one_is_ancestral_sampling(schedule, steps):
    process = DiffusionProcess(steps, schedule)
    noise = torch.randn(3, 2, 4, 4)
    ancestral = list(process.ancestral(some_denoiser, noise, "posterior", generator()))
    ddim = list(process.ddim(some_denoiser, noise, steps, eta=1.0, generator=generator()))
    assert len(ancestral) == len(ddim) == steps
    for one, other in zip(ancestral, ddim, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    larger = final(process.ancestral(some_denoiser, noise, "beta", generator()))
    assert (larger - ancestral[-1]).abs().max() > 1e-3


def gaussian_denoiser(process, mean, deviation):
    """The best denoiser of pixels from N(mean, deviation^2): the noise that E[x_0 | x_t] implies."""

    def denoise(x, t):
        share = torch.tensor(process.alpha_bar)[t][:, None, None, None]
        gain = deviation**2 * share.sqrt() / (deviation**2 * share + 1 - share)
        image = mean + gain * (x - share.sqrt() * mean)
        return (x - share.sqrt() * image) / (1 - share).sqrt()

    return denoise


SAMPLERS = {
    "posterior": lambda process, denoise, noise: process.ancestral(denoise, noise, "posterior"),
    "beta": lambda process, denoise, noise: process.ancestral(denoise, noise, "beta"),
    "ddim": lambda process, denoise, noise: process.ddim(denoise, noise, 500),
    "ddim, eta 0.5": lambda process, denoise, noise: process.ddim(denoise, noise, 200, eta=0.5),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_with_the_best_denoiser_all_samplers_draw_from_the_data(sampler, schedule):
    process = DiffusionProcess(1000, schedule)
    denoise = gaussian_denoiser(process, mean=0.3, deviation=0.1)
    images = final(SAMPLERS[sampler](process, denoise, torch.randn(4, 1, 50, 50)))
    assert images.mean().item() == pytest.approx(0.3, abs=0.01)
    assert images.std().item() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 99, 100])
def test_ddim_visits_as_many_times_as_asked_from_the_last_to_the_first(steps):
    seen = []

    def denoise(x, t):
        assert t.dtype == torch.int64 and t.shape == (2,) and t[0] == t[1]
        seen.append(t[0].item())
        return x

    states = list(DiffusionProcess(100).ddim(denoise, torch.randn(2, 1, 4, 4), steps))
    assert len(states) == len(seen) == len(set(seen)) == steps
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == 99 and (steps == 1 or seen[-1] == 0)


def test_ancestral_sampling_visits_every_time():
    seen = []

    def denoise(x, t):
        seen.append(t[0].item())
        return x

    assert final(DiffusionProcess(20).ancestral(denoise, torch.randn(2, 1, 4, 4))).shape == (2, 1, 4, 4)
    assert seen == list(range(19, -1, -1))


@pytest.mark.parametrize("variance", ["posterior", "beta"])
def test_the_last_step_adds_no_noise(variance):
    process, noise = DiffusionProcess(10), torch.randn(2, 1, 4, 4)
    *_, before, images = process.ancestral(some_denoiser, noise, variance)
    t = torch.tensor([0, 0])
    torch.testing.assert_close(images, process.predict_image(before, t, some_denoiser(before, t)))


def test_sampling_is_repeatable_and_without_gradients():
    process, noise = DiffusionProcess(20), torch.randn(2, 1, 8, 8)
    network = small(1, 8, multipliers=(1, 2)).eval()
    images = final(process.ancestral(network, noise, generator=generator()))
    assert not images.requires_grad
    assert torch.equal(images, final(process.ancestral(network, noise, generator=generator())))
    assert torch.equal(final(process.ddim(network, noise, 5)), final(process.ddim(network, noise, 5)))
    assert not final(process.ddim(network, noise, 5)).requires_grad
    assert torch.is_grad_enabled()


def test_the_process_has_nothing_to_learn_or_to_save():
    process = DiffusionProcess(20)
    assert not list(process.parameters()) and not process.state_dict()


def test_impossible_samplers_are_refused():
    process, noise = DiffusionProcess(20), torch.randn(1, 1, 4, 4)
    with pytest.raises(ValueError, match="1 to 20 steps here, not 21"):
        final(process.ddim(some_denoiser, noise, 21))
    with pytest.raises(ValueError, match="eta of DDIM must be in 0..1"):
        final(process.ddim(some_denoiser, noise, 10, eta=2.0))
    with pytest.raises(ValueError, match="'learned' is unknown"):
        final(process.ancestral(some_denoiser, noise, "learned"))
