"""Adversarial learning: a generator against a discriminator (Goodfellow et al. 2014).

With `loss: wasserstein` the discriminator is a critic (Arjovsky et al. 2017), kept smooth by `clip`, the largest
absolute weight, or by `gradient_penalty` (Gulrajani et al. 2017). Each step has `n_critic` updates of the
discriminator, each on its own real images, and one of the generator.
"""

import itertools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nets.data.batches import SYMMETRIC, Batch, Batches, PixelRange, at_once
from nets.errors import UserError
from nets.tasks.contract import Evaluation, Generator, Outputs
from nets.tasks.latents import interpolate
from nets.tasks.macs import count_macs

SHOWN = 256  # samples in the figures
FRAME = 64  # samples in a snapshot
PATHS, STOPS = 8, 10  # interpolations, and images of each
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200)  # of a discriminator, if the option `measure` asks for them
STUDIED = 256  # samples whose gradient is then measured


class Adversarial(Generator):
    """Two networks, `generator` and `discriminator`.

    The generator maps latents (N, L) to images (N, C, H, W) in -1..1, the discriminator images to one logit, positive
    for real ones. Any classifier with one output can be the discriminator.
    """

    @staticmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        return SYMMETRIC

    def arguments(self, role: str) -> dict[str, Any]:
        channels, height, _ = self.run.shape
        facts = {"image_size": height}
        return facts | (
            {"out_channels": channels} if role == "generator" else {"in_channels": channels, "num_classes": 1}
        )

    def check(self) -> list[str]:
        """Also refuses a gradient penalty on a critic that mixes images of a batch (Gulrajani et al. 2017, sec. 4)."""
        warnings = super().check()
        if self.options["gradient_penalty"] and self.mixes_images():
            raise UserError(
                f"{self.run.networks['discriminator'].path} mixes the images of a batch, as batch normalisation does, "
                "and options.gradient_penalty holds for single images only; choose a critic without it, such as "
                "nets.models.wgan.Critic, or options.clip."
            )
        return warnings

    def mixes_images(self) -> bool:
        """Whether the discriminator's answer to one image depends on others; it and random numbers stay as they are."""
        with self.trial(), torch.enable_grad():
            images = torch.rand(4, *self.run.shape, device=self.device, requires_grad=True)
            (slope,) = torch.autograd.grad(self.discriminate(images)[0], images)
        return bool(slope[1:].any())

    @property
    def batch_size(self) -> int:
        return self.options["n_critic"] * self.run.recipe.batch_size

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """The generator learns from the last images that the discriminator saw."""
        self.networks.train()
        parts = batch.images.chunk(self.options["n_critic"])
        losses = []
        for index, real in enumerate(parts):
            with self.autocast(), torch.set_grad_enabled(index == len(parts) - 1):
                generated = self.networks["generator"](self.latents(len(real)))
            losses.append(self.train_discriminator(real, generated.detach()))
        return {"discriminator": torch.stack(losses).mean(), "generator": self.train_generator(generated)}

    def train_discriminator(self, real: Tensor, generated: Tensor) -> Tensor:
        """One step of the discriminator alone: minimise -log D(x) - log(1 - D(G(z))), or a critic's D(G(z)) - D(x)."""
        with self.autocast():
            on_real, on_generated = self.discriminate(real), self.discriminate(generated)
        if self.options["loss"] == "wasserstein":
            loss = on_generated.mean() - on_real.mean()
        else:
            loss = F.softplus(-on_real).mean() + F.softplus(on_generated).mean()
        if self.options["gradient_penalty"]:
            loss = loss + self.options["gradient_penalty"] * self.slope_penalty(real, generated.float())
        self.update("discriminator", loss)
        if self.options["clip"] is not None:
            self.clip_weights(self.options["clip"])
        return loss.detach()

    def slope_penalty(self, real: Tensor, generated: Tensor) -> Tensor:
        """Mean of (gradient norm - 1)² at random points between real and generated images, in float32."""
        share = torch.rand(len(real), 1, 1, 1, device=self.device)
        between = torch.lerp(generated, real, share).requires_grad_()
        (slope,) = torch.autograd.grad(self.discriminate(between).sum(), between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    @torch.no_grad()
    def clip_weights(self, bound: float) -> None:
        """Clip every parameter of the discriminator to -bound..bound."""
        parameters = list(self.networks["discriminator"].parameters())
        torch._foreach_clamp_min_(parameters, -bound)
        torch._foreach_clamp_max_(parameters, bound)

    def train_generator(self, generated: Tensor) -> Tensor:
        """One step of the generator alone.

        It minimises -log D(G(z)), which does not saturate, the minimax game's log(1 - D(G(z))), or a critic's -D(G(z)).
        """
        self.networks["discriminator"].requires_grad_(False)
        with self.autocast():
            logits = self.discriminate(generated)
        loss = generator_loss(logits, self.options["loss"])
        self.update("generator", loss)
        self.networks["discriminator"].requires_grad_(True)
        return loss.detach()

    def discriminate(self, images: Tensor) -> Tensor:
        """Logits (N,) float32, positive for images that look real."""
        return self.main_output(images).float().flatten()

    def main_output(self, images: Tensor) -> Tensor:
        """The discriminator's output as it is, without those of auxiliary heads (GoogLeNet)."""
        output = self.networks["discriminator"](images)
        return output if isinstance(output, Tensor) else output[0]

    def latents(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Standard normal noise (count, L) on the device; drawn from a CPU generator if one is given."""
        size = (count, self.networks["generator"].latent_dim)
        if generator is None:
            return torch.randn(size, device=self.device)
        return torch.randn(size, generator=generator).to(self.device)

    def outputs(self, images: Tensor) -> Outputs:
        latents = torch.zeros(2, self.networks["generator"].latent_dim, device=self.device)
        yield "generator", self.networks["generator"](latents), tuple(images.shape)
        yield "discriminator", self.main_output(images).reshape(2, -1), (2, 1)

    def validate(self, data: Batches) -> dict[str, float]:
        return {}

    @torch.no_grad()
    def generate(self, latents: Tensor) -> Tensor:
        """Images (N, C, H, W) uint8 on the device from latents (N, L), with the statistics that batch norm learned."""
        self.networks.eval()
        images = []
        for part in latents.split(at_once(500, self.device)):
            with self.autocast():
                images.append(SYMMETRIC.invert(self.networks["generator"](part).float()))
        return torch.cat(images).contiguous()

    def sample(self, count: int, seed: int) -> Tensor:
        return self.generate(self.latents(count, torch.Generator().manual_seed(seed)))

    def sampling(self) -> dict[str, Any]:
        return {"samples": self.options["samples"], "sampler": "generator", "steps": 1, "ema": self.run.recipe.ema}

    def snapshot(self, data: Batches) -> Tensor:
        return self.sample(FRAME, seed=self.run.seed)

    def evaluate(self, data: Batches) -> Evaluation:
        ends = self.latents(2 * PATHS, torch.Generator().manual_seed(self.run.seed))
        between = self.generate(interpolate(ends[:PATHS], ends[PATHS:], STOPS))
        samples = self.sample(SHOWN, seed=self.run.seed)
        return Evaluation({}, {"samples": samples.cpu().numpy(), "interpolation": between.cpu().numpy()})

    def study(self, train: Batches, test: Batches) -> dict[str, Evaluation]:
        if not self.asked("discriminator_steps"):
            return {}
        norms = self.gradients_over_steps(train)
        values = {
            f"gradient_fall_{loss}": float(np.log10(last / first)) for loss, (first, *_, last) in norms.items() if last
        }
        series = {f"gradient_{loss}": np.array(each) for loss, each in norms.items()}
        return {"train": Evaluation(values, {"discriminator_steps": np.array(STEPS)} | series)}

    def gradients_over_steps(self, train: Batches) -> dict[str, list[float]]:
        """The norm of the generator's gradient under two losses, after each of `STEPS` of a new discriminator.

        The generator stays as it is. Arjovsky and Bottou, "Towards Principled Methods for Training Generative
        Adversarial Networks", ICLR 2017, figures 2 and 3.
        """
        fresh = type(self)(self.run, self.pixels, self.device)
        generator = fresh.networks["generator"]
        generator.load_state_dict(self.networks["generator"].state_dict())
        fresh.networks.train()
        dice = torch.Generator().manual_seed(self.run.seed)  # on the CPU, so that each device draws the same
        batch, fixed = self.run.recipe.batch_size, self.latents(STUDIED, dice)
        norms: dict[str, list[float]] = {"minimax": [], "non_saturating": []}
        step = 0
        for epoch in itertools.count():
            for indices in train.draws(batch, self.run.seed, number=epoch):
                if step in STEPS:
                    for loss, each in norms.items():
                        value = generator_loss(fresh.discriminate(generator(fixed)), loss)
                        gradients = torch.autograd.grad(value, list(generator.parameters()))
                        each.append(torch.stack([g.double().square().sum() for g in gradients]).sum().sqrt().item())
                if step == STEPS[-1]:
                    return norms
                real = train.take(indices).images
                with torch.no_grad():
                    generated = generator(self.latents(len(real), dice))
                fresh.train_discriminator(real, generated)
                step += 1
        raise AssertionError("an epoch has at least one batch")

    def macs(self) -> dict[str, int]:
        latent = torch.zeros(1, self.networks["generator"].latent_dim, device=self.device)
        image = torch.zeros(1, *self.run.shape, device=self.device)
        return {
            "generator": count_macs(self.networks["generator"], latent),
            "discriminator": count_macs(self.networks["discriminator"], image),
        }


def generator_loss(logits: Tensor, name: str) -> Tensor:
    """The generator's loss under one of the options of `loss`, from the discriminator's logits (N,) of its images."""
    if name == "wasserstein":
        return -logits.mean()
    if name == "minimax":
        return -F.softplus(logits).mean()
    return F.softplus(-logits).mean()
