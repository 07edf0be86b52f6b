"""The diffusion process: how images become noise, and how a denoiser reverses that.

Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020 (DDPM), whose equation
numbers are cited below; Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", ICML
2021 (the cosine schedule); Song, Meng and Ermon, "Denoising Diffusion Implicit Models", ICLR 2021
(DDIM). Their times 1..T are 0..T-1 here, to index tensors; time -1 is the image itself.

A denoiser is any function from noisy images (N, C, H, W) and times (N,) int64 to the noise in them.
Images are in -1..1; at each step the image that the denoiser predicts is clipped to this range.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

Denoise = Callable[[Tensor, Tensor], Tensor]

LARGEST_BETA = 0.999


def linear_betas(steps: int) -> Tensor:
    """Variances from 1e-4 to 0.02 for 1000 steps (section 4), with the same total for any other number of steps."""
    scale = 1000 / steps
    return torch.linspace(1e-4 * scale, 0.02 * scale, steps, dtype=torch.float64).clamp(max=LARGEST_BETA)


def cosine_betas(steps: int) -> Tensor:
    """Variances for which the share of the signal falls as a squared cosine (Nichol and Dhariwal, eq. 17)."""
    time = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = torch.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(max=LARGEST_BETA)


SCHEDULES = {"linear": linear_betas, "cosine": cosine_betas}


class DiffusionProcess(nn.Module):
    """The fixed quantities of the process; its buffers move with `.to()`."""

    betas: Tensor  # (T,) the variance that each step adds
    image_scale: Tensor  # (T,) factors of the image and of the noise in x_t, eq. 4
    noise_scale: Tensor
    posterior_image: Tensor  # (T,) factors of x_0 and of x_t in the posterior's mean, eq. 7
    posterior_noisy: Tensor
    posterior_variance: Tensor  # (T,)
    alpha_bar: list[float]  # (T,) the share of the image's variance that is left

    def __init__(self, steps: int = 1000, schedule: str = "linear") -> None:
        super().__init__()
        if schedule not in SCHEDULES:
            raise ValueError(f"The schedule {schedule!r} is unknown; it must be one of {tuple(SCHEDULES)}.")
        self.steps = steps
        betas = SCHEDULES[schedule](steps)  # float64, because numbers near 1 are subtracted from 1 below
        alpha_bar = (1 - betas).cumprod(0)
        previous = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
        self.alpha_bar = alpha_bar.tolist()
        for name, values in {
            "betas": betas,
            "image_scale": alpha_bar.sqrt(),
            "noise_scale": (1 - alpha_bar).sqrt(),
            "posterior_image": previous.sqrt() * betas / (1 - alpha_bar),
            "posterior_noisy": (1 - betas).sqrt() * (1 - previous) / (1 - alpha_bar),
            "posterior_variance": (1 - previous) / (1 - alpha_bar) * betas,
        }.items():
            self.register_buffer(name, values.float(), persistent=False)

    def q_sample(self, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """A sample of q(x_t | x_0), eq. 4: images (N, C, H, W) with noise (N, C, H, W) at times (N,)."""
        return at(self.image_scale, t) * x_0 + at(self.noise_scale, t) * noise

    def predict_image(self, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """The image from which `q_sample` makes x_t with this noise, clipped to -1..1."""
        return ((x_t - at(self.noise_scale, t) * noise) / at(self.image_scale, t)).clamp(-1, 1)

    def predict_noise(self, x_t: Tensor, t: Tensor, x_0: Tensor) -> Tensor:
        """The noise with which `q_sample` makes x_t from this image."""
        return (x_t - at(self.image_scale, t) * x_0) / at(self.noise_scale, t)

    def posterior(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (N, C, H, W) and variance (N, 1, 1, 1) of q(x_{t-1} | x_t, x_0), eq. 6 and 7."""
        mean = at(self.posterior_image, t) * x_0 + at(self.posterior_noisy, t) * x_t
        return mean, at(self.posterior_variance, t)

    @torch.no_grad()
    def ancestral(
        self,
        denoise: Denoise,
        noise: Tensor,
        variance: str = "posterior",
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """From noise (N, C, H, W) to images in all steps (algorithm 2); yields x_{T-2}, ..., x_0, and the image.

        variance: "posterior" or "beta", the larger of the two in section 3.2.
        """
        if variance not in ("posterior", "beta"):
            raise ValueError(f"The variance {variance!r} is unknown; it must be 'posterior' or 'beta'.")
        x = noise
        for step in reversed(range(self.steps)):
            t = torch.full((len(x),), step, device=x.device)
            image = self.predict_image(x, t, denoise(x, t))
            x, spread = self.posterior(image, x, t)
            if step > 0:
                if variance == "beta":
                    spread = at(self.betas, t)
                x = x + spread.sqrt() * normal_like(x, generator)
            yield x

    @torch.no_grad()
    def ddim(
        self,
        denoise: Denoise,
        noise: Tensor,
        steps: int = 50,
        eta: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """From noise (N, C, H, W) to images in some of the steps (DDIM, eq. 12 and 16); yields each state.

        eta: 0 adds no noise on the way; 1 with all steps is ancestral sampling.
        """
        if not 1 <= steps <= self.steps:
            raise ValueError(f"DDIM takes 1 to {self.steps} steps here, not {steps}.")
        if not 0 <= eta <= 1:
            raise ValueError(f"The eta of DDIM must be in 0..1, but it is {eta}.")
        x = noise
        times = torch.linspace(self.steps - 1, 0, steps, dtype=torch.float64).round().long().tolist()
        for step, next_step in zip(times, [*times[1:], -1], strict=True):
            t = torch.full((len(x),), step, device=x.device)
            image = self.predict_image(x, t, denoise(x, t))
            direction = self.predict_noise(x, t, image)
            now, then = self.alpha_bar[step], self.alpha_bar[next_step] if next_step >= 0 else 1.0
            variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
            x = math.sqrt(then) * image + math.sqrt(max(0.0, 1 - then - variance)) * direction
            if variance > 0:
                x = x + math.sqrt(variance) * normal_like(x, generator)
            yield x


def at(values: Tensor, t: Tensor) -> Tensor:
    """The values (T,) at times (N,), shaped (N, 1, 1, 1)."""
    return values[t][:, None, None, None]


def normal_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise with the shape of x; drawn on the device of the generator, if there is one."""
    device = x.device if generator is None else generator.device
    return torch.randn(x.shape, generator=generator, device=device, dtype=x.dtype).to(x.device)


def final(states: Iterator[Tensor]) -> Tensor:
    """The last state of a sampler: the images."""
    for x in states:
        last = x
    return last
