"""Diffusion: a denoiser learns to predict the noise in images, and draws by removing noise (Ho et al. 2020).

The process that adds the noise, and its samplers, are in `nets.tasks.diffusion_process`.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nets.data.batches import SYMMETRIC, Batch, Batches, PixelRange
from nets.tasks.contract import Evaluation, Generator, Outputs
from nets.tasks.diffusion_process import DiffusionProcess, final
from nets.tasks.latents import interpolate
from nets.tasks.macs import count_macs

SHOWN = 256  # samples in the figures
FRAME = 16  # samples in a snapshot
DRAFT = 20  # steps of the sampler during training
SHARES = (0.01, 0.025, 0.05, 0.1, 0.25)  # of all steps, in which samplers are compared if `measure` asks for it
STUDIED = 250  # samples that are then drawn of each
PATHS, STOPS = 4, 10  # interpolations, and images of each
DRAWN, STAGES = 6, 10  # samples shown on their way from noise to image, and stages of each


class Diffusion(Generator):
    """One network, `denoiser`: from noisy images (N, C, H, W) and times (N,) to the noise in them."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.process = DiffusionProcess(self.options["timesteps"], self.options["schedule"]).to(self.device)
        self.sampling_steps = self.options["sampling_steps"] or self.process.steps

    @staticmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        return SYMMETRIC

    def arguments(self, role: str) -> dict[str, Any]:
        channels, height, _ = self.run.shape
        return {"in_channels": channels, "image_size": height}

    def outputs(self, images: Tensor) -> Outputs:
        times = torch.zeros(2, dtype=torch.long, device=self.device)
        yield "denoiser", self.networks["denoiser"](images, times), tuple(images.shape)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self.networks.train()
        times = torch.randint(self.process.steps, (len(batch.images),), device=self.device)
        loss = self.loss(batch.images, times, torch.randn_like(batch.images))
        self.update("denoiser", loss)
        return {"loss": loss.detach()}

    def loss(self, images: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """The simple loss: squared error of the predicted noise, with the same weight for all times (eq. 14)."""
        return F.mse_loss(self.denoise(self.process.q_sample(images, times, noise), times), noise)

    def denoise(self, noisy: Tensor, times: Tensor) -> Tensor:
        """The noise that the denoiser predicts, float32."""
        with self.autocast():
            return self.networks["denoiser"](noisy, times).float()

    @torch.no_grad()
    def validate(self, data: Batches) -> dict[str, float]:
        """The loss, always with the same times and noise."""
        self.networks.eval()
        generator = torch.Generator().manual_seed(self.run.seed)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for batch in data.ordered():
            times = torch.randint(self.process.steps, (len(batch.images),), generator=generator).to(self.device)
            noise = torch.randn(batch.images.shape, generator=generator).to(self.device)
            total += self.loss(batch.images, times, noise).double() * len(batch.images)
        return {"loss": total.item() / len(data)}

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """The noise (count, C, H, W) from which sampling starts."""
        return torch.randn((count, *self.run.shape), generator=generator).to(self.device)

    def states(self, noise: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """The states from noise to images in -1..1, one after each step of the recipe's sampler.

        Ancestral sampling with fewer than all steps is DDIM with eta 1, which adds as much noise.
        """
        self.networks.eval()
        ancestral = self.options["sampler"] == "ancestral"
        if ancestral and self.sampling_steps == self.process.steps:
            return self.process.ancestral(self.denoise, noise, generator=generator)
        eta = 1 if ancestral else self.options["eta"]
        return self.process.ddim(self.denoise, noise, self.sampling_steps, eta, generator)

    def generate(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images (N, C, H, W) uint8 on the device from noise (N, C, H, W)."""
        return torch.cat([SYMMETRIC.invert(final(self.states(part, generator))) for part in noise.split(500)])

    def sample(self, count: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return self.generate(self.latents(count, generator), generator)

    def sampling(self) -> dict[str, Any]:
        ancestral = self.options["sampler"] == "ancestral"
        return {
            "samples": self.options["samples"],
            "sampler": "ancestral" if ancestral else f"DDIM, eta {self.options['eta']:g}",
            "steps": self.sampling_steps,
            "ema": self.run.recipe.ema,
        }

    def draft(self, count: int, seed: int) -> Tensor:
        """Samples from a few steps of DDIM, whatever the recipe's sampler, because training draws them often."""
        return self.sketch(self.latents(count, torch.Generator().manual_seed(seed)), DRAFT)

    def sketch(self, noise: Tensor, steps: int) -> Tensor:
        """Images (N, C, H, W) uint8 on the device from noise (N, C, H, W), in at most so many steps of DDIM."""
        self.networks.eval()
        steps = min(steps, self.process.steps)
        return torch.cat([SYMMETRIC.invert(final(self.process.ddim(self.denoise, n, steps))) for n in noise.split(500)])

    def alternatives(self) -> Iterator[tuple[str, int, Tensor]]:
        """Samples of DDIM without noise, and with as much as ancestral sampling adds, in few steps and in more."""
        if not self.asked("sampling_steps"):
            return
        self.networks.eval()
        for sampler, eta in (("ddim", 0.0), ("ancestral", 1.0)):
            for steps in sorted({max(2, round(share * self.process.steps)) for share in SHARES}):
                generator = torch.Generator().manual_seed(self.run.seed)
                noise = self.latents(min(self.options["samples"], STUDIED), generator)
                states = self.process.ddim(self.denoise, noise, steps, eta, generator)
                yield sampler, steps, SYMMETRIC.invert(final(states))

    def snapshot(self, data: Batches) -> Tensor:
        return self.draft(FRAME, seed=self.run.seed)

    def evaluate(self, data: Batches) -> Evaluation:
        generator = torch.Generator().manual_seed(self.run.seed)
        ends = self.latents(2 * PATHS, generator)
        noise = interpolate(ends[:PATHS], ends[PATHS:], STOPS)
        between = self.sketch(noise, 50)
        samples = self.sample(SHOWN, seed=self.run.seed)
        arrays = {"samples": samples, "interpolation": between, "denoising": self.stages(generator)}
        return Evaluation({}, {name: images.cpu().numpy() for name, images in arrays.items()})

    def stages(self, generator: torch.Generator) -> Tensor:
        """A few samples (DRAWN, STAGES, C, H, W) uint8 at evenly spaced steps from noise to image."""
        noise = self.latents(DRAWN, generator)
        states = [noise, *self.states(noise, generator)]
        chosen = torch.linspace(0, len(states) - 1, STAGES).round().long().tolist()
        return torch.stack([SYMMETRIC.invert(states[i]) for i in chosen], dim=1)

    def macs(self) -> dict[str, int]:
        image, time = torch.zeros(1, *self.run.shape, device=self.device), torch.zeros(1, device=self.device)
        return {"denoiser": count_macs(self.networks["denoiser"], image, time.long())}
