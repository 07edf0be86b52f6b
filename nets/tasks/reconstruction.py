"""Reconstruction: a network maps images to a small code and back; plain, variational, or PCA."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nets.data.batches import UNIT, Batch, Batches, PixelRange
from nets.errors import UserError
from nets.metrics import latent, probes
from nets.metrics import reconstruction as metrics
from nets.metrics.classification import top_k
from nets.metrics.metric import finished
from nets.metrics.studies import principal_angles
from nets.models.pca import PCA
from nets.tasks import codes, estimators, variational
from nets.tasks.contract import Evaluation, Generator, Outputs, Selection, Task
from nets.tasks.macs import count_macs
from nets.tasks.precision import forked

SHOWN = 16  # images in the figures
DRAWN = 64  # samples in a VAE's figure


def corrupt(images: Tensor, noise: float, kind: str) -> Tensor:
    """Images (N, C, H, W) with noise, from which a denoising autoencoder learns to draw the images without it.

    `masking` sets each number to zero with probability `noise`; in the paper, a fixed number of them. `gaussian` adds
    noise with the standard deviation `noise`. Without noise, no random number is drawn.

    Vincent, Larochelle, Bengio and Manzagol, "Extracting and composing robust features with denoising autoencoders",
    ICML 2008.
    """
    if not noise:
        return images
    if kind == "masking":
        return images * torch.rand_like(images).ge(noise)
    return images + noise * torch.randn_like(images)


class Decoder(nn.Module):
    """The part of an autoencoder that draws a sample."""

    autoencoder: codes.Autoencoder

    def __init__(self, autoencoder: codes.Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, code: Tensor) -> Tensor:
        return self.autoencoder.decode(code)


class Reconstruction(Task):
    """One network, `autoencoder` (see `codes.Autoencoder`), from images in 0..1 to a code and back.

    It is variational if `encode` returns mean and log variance. A network with `fit` (PCA) takes no gradient steps: it
    is fitted to each batch, and its recipe makes the whole split one batch. A `latent_classifier` maps codes to logits
    of classes; both networks then learn together.
    """

    measured = ("best",)
    probed = True

    @property
    def autoencoder(self) -> codes.Autoencoder:
        """The network that reconstructs."""
        return self.networks["autoencoder"]

    @property
    def vae(self) -> codes.VariationalAutoencoder:
        """The same network, where it is variational."""
        return self.networks["autoencoder"]

    @property
    @torch.no_grad()
    def variational(self) -> bool:
        """Whether the network encodes an image as a distribution."""
        image = torch.zeros(1, *self.run.shape, device=self.device)
        return codes.posterior(self.autoencoder, image)[1] is not None

    @property
    def selection(self) -> Selection:
        """A VAE's weights are chosen by its loss, because squared error alone favours codes far from the prior."""
        return Selection("loss" if self.variational else "mse", "lower")

    @staticmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        return UNIT

    def arguments(self, role: str) -> dict[str, Any]:
        channels, height, _ = self.run.shape
        return {"in_channels": channels, "image_size": height, "num_classes": self.run.num_classes}

    def outputs(self, images: Tensor) -> Outputs:
        network = self.autoencoder
        code, _ = codes.posterior(network, images)
        yield "autoencoder", code, (2, network.latent_dim)
        yield "autoencoder", network.image(network.decode(code)), tuple(images.shape)
        if "latent_classifier" in self.networks:
            yield "latent_classifier", self.networks["latent_classifier"](code), (2, self.run.num_classes)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self.networks.train()
        if fit := getattr(self.autoencoder, "fit", None):
            fit(batch.images)
            return self.losses(batch)
        seen = corrupt(batch.images, self.options["noise"], self.options["noise_kind"])
        with self.autocast():
            losses = self.losses(batch, seen)
        self.update_jointly(list(self.networks), losses["loss"])
        return {name: value.detach() for name, value in losses.items()}

    def losses(self, batch: Batch, seen: Tensor | None = None) -> dict[str, Tensor]:
        """The loss of a batch, `kl` if the network is variational, and `top1` of the joint classifier.

        `seen` are the images that the network encodes, if they are not those of the batch, which it should draw.
        """
        network, options = self.autoencoder, self.options
        mean, log_variance = codes.posterior(network, batch.images if seen is None else seen)
        code = mean
        if log_variance is not None:
            code = (self.vae.reparametrize if self.learning else latent.drawn)(mean, log_variance)
        output = network.decode(code).float()
        if options["loss"] == "bce":
            distortion = metrics.bce(batch.images, output)
        else:
            distortion = metrics.squared_error(batch.images, network.image(output))
        pixels = batch.images[0].numel() if options["reduction"] == "mean" else 1
        losses = {"loss": distortion.mean() / pixels}
        if log_variance is not None:
            losses["kl"] = latent.gaussian_kl(mean, log_variance).mean()
            losses["loss"] = losses["loss"] + options["beta"] * losses["kl"]
        if "latent_classifier" in self.networks:
            logits = self.networks["latent_classifier"](code).float()
            losses["loss"] = losses["loss"] + options["classifier_weight"] * self.classifier_loss(logits, batch, losses)
            losses["top1"] = 100 * logits.detach().argmax(1).eq(batch.labels).float().mean()
        return losses

    def classifier_loss(self, logits: Tensor, batch: Batch, losses: dict[str, Tensor]) -> Tensor:
        """Cross-entropy; or what Keras makes of one loss for both outputs, the squared error and the KL divergence."""
        if self.options["classifier_loss"] == "cross_entropy":
            return F.cross_entropy(logits, batch.labels)
        truth = F.one_hot(batch.labels, self.run.num_classes)
        pixels = batch.images[0].numel() if self.options["reduction"] == "sum" else 1
        return pixels * F.mse_loss(logits.softmax(1), truth.float()) + self.options["beta"] * losses.get("kl", 0)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Evaluation mode without gradients. Noise comes from the run's seed and leaves that of training untouched."""
        self.networks.eval()
        with torch.no_grad(), forked(self.device):
            torch.manual_seed(self.run.seed)
            yield

    def mean_losses(self, data: Batches) -> dict[str, float]:
        """The mean `losses` over a whole split."""
        sums: dict[str, Tensor] = {}
        for batch in data.ordered():
            for name, value in self.losses(batch).items():
                sums[name] = sums.get(name, 0) + value.double() * len(batch.images) / len(data)
        return {name: value.item() for name, value in sums.items()}

    def validate(self, data: Batches) -> dict[str, float]:
        with self.frozen():
            seen = codes.encode_split(self.autoencoder, data)
            mse = metrics.mse(seen.images, seen.reconstructions).double().mean().item()
            return self.mean_losses(data) | {"mse": mse}

    def evaluate(self, data: Batches) -> Evaluation:
        network = self.autoencoder
        with self.frozen():
            seen = codes.encode_split(network, data)
            values = codes.measure(seen) | self.trained(seen, data)
            arrays = codes.pictures(network, seen, SHOWN, self.device)
            if seen.variational:
                values |= variational.measure(self.vae, data)
            if seen.variational or self.run.fidelity:
                arrays["samples"] = codes.sample(network, DRAWN, self.run.seed, self.device).cpu().numpy()
        return Evaluation(values, arrays)

    def study(self, train: Batches, test: Batches) -> dict[str, Evaluation]:
        studies = {
            "subspace": self.subspace,
            "bottleneck": self.bottleneck,
            "gradient_variance": self.gradient_variance,
        }
        found = Evaluation({})
        self.networks.eval()
        for name in filter(self.asked, studies):
            own = studies[name](train, test)
            found = Evaluation(found.metrics | own.metrics, found.arrays | own.arrays)
        return {"test": found}

    @torch.no_grad()
    def subspace(self, train: Batches, test: Batches) -> Evaluation:
        """The angles between the space in which a linear network draws and that of PCA on the training images."""
        network = self.autoencoder
        ends = torch.cat([torch.zeros(1, network.latent_dim), torch.eye(network.latent_dim)]).to(self.device)
        drawn = network.decode(ends).flatten(1)
        pca = PCA(self.run.shape[0], self.run.shape[1], network.latent_dim).to(self.device)
        pca.fit(torch.cat([batch.images for batch in train.ordered()]))
        angles = principal_angles(drawn[1:] - drawn[0], pca.components)
        overlap = 100 * angles.deg2rad().cos().square().mean()
        values = {"subspace_angle": angles[-1].item(), "subspace_overlap": overlap.item()}
        return Evaluation(values, {"subspace_angles": angles.cpu().numpy()})

    @torch.no_grad()
    def bottleneck(self, train: Batches, test: Batches) -> Evaluation:
        """The error of a U-Net without its bottleneck, and without its skips, and images of both."""
        network: Any = self.autoencoder
        says = {"bottleneck": slice(network.bottleneck, None), "skips": slice(network.bottleneck)}
        errors: dict[str, list[Tensor]] = {name: [] for name in says}
        shown: dict[str, np.ndarray] = {}
        for batch in test.ordered():
            shown.setdefault("bottleneck_originals", UNIT.invert(batch.images[:SHOWN]).cpu().numpy())
            code = network.encode(batch.images)
            for name, kept in says.items():
                silenced = torch.zeros_like(code)
                silenced[:, kept] = code[:, kept]
                images = network.image(network.decode(silenced))
                errors[name].append(metrics.mse(batch.images, images).double())
                shown.setdefault(f"without_{name}", UNIT.invert(images[:SHOWN]).cpu().numpy())
        return Evaluation({f"mse_without_{name}": torch.cat(e).mean().item() for name, e in errors.items()}, shown)

    def gradient_variance(self, train: Batches, test: Batches) -> Evaluation:
        """The variance of two estimates of the gradient of the distortion, for the first test images."""
        images = test.take(test.order[: estimators.SAMPLES]).images
        measure = metrics.bce if self.options["loss"] == "bce" else metrics.squared_error

        def distortion(codes: Tensor) -> Tensor:
            output = self.vae.decode(codes.flatten(0, 1)).float()
            drawn = output if self.options["loss"] == "bce" else self.vae.image(output)
            return measure(images.repeat(len(codes), 1, 1, 1), drawn).unflatten(0, codes.shape[:2])

        with torch.no_grad():
            mean, log_variance = self.vae.encode(images)
        noise = latent.noise_like(mean, estimators.SAMPLES)
        return Evaluation(estimators.variances(estimators.estimates(distortion, mean, log_variance, noise)))

    def trained(self, seen: codes.Encoded, data: Batches) -> dict[str, float]:
        """The recipe's objective on a split, and top-1 of the joint classifier; of a VAE also on sampled codes."""
        losses = self.mean_losses(data)
        values = {"objective": losses["loss"]}
        if "latent_classifier" in self.networks:
            logits = self.networks["latent_classifier"](seen.codes.to(self.device)).cpu()
            values["top1"] = top_k(logits, seen.labels, 1)
            if seen.variational:
                values["top1_sampled"] = losses["top1"]
        return values

    def probe(self, train: Batches, test: Batches) -> dict[str, dict[str, Any]]:
        with self.frozen():
            learning, unseen = (codes.encode_split(self.autoencoder, data) for data in (train, test))
            mse = metrics.mse(learning.images, learning.reconstructions).double().mean().item()
            values = {"mse": mse} | self.trained(learning, train)
        if learning.labels.min() < 0:  # no labels
            return {"train": values, "test": {}}
        answers = probes.METRICS.measure(learning.codes, learning.labels, unseen.codes, self.run.num_classes)
        shares = finished(answers, lambda answer: 100 * answer.eq(unseen.labels).double().mean().item())
        return {"train": values, "test": shares}

    @torch.no_grad()
    def snapshot(self, data: Batches) -> Tensor:
        self.networks.eval()
        network = self.autoencoder
        return UNIT.invert(network.image(network(data.take(data.order[:SHOWN]).images).float()))

    def answer(self, images: Tensor) -> Tensor:
        """Reconstructions (N, C, H, W), uint8; a VAE decodes the mean of its posterior."""
        return codes.draw(self.autoencoder, codes.posterior(self.autoencoder, images)[0])

    def sample(self, count: int, seed: int) -> Tensor:
        """Images (count, C, H, W) uint8 on the device, decoded from a VAE's prior; the same for the same seed."""
        self.networks.eval()
        if not self.variational:
            raise UserError(f"{self.run.name} draws no images, because an autoencoder has no prior; take a VAE.")
        return codes.sample(self.autoencoder, count, seed, self.device)

    def macs(self) -> dict[str, int]:
        network = self.autoencoder
        inputs = {
            "autoencoder": torch.zeros(1, *self.run.shape, device=self.device),
            "latent_classifier": torch.zeros(1, network.latent_dim, device=self.device),
        }
        macs = {role: count_macs(self.networks[role], inputs[role]) for role in self.networks}
        return macs | {"decoder": count_macs(Decoder(network), inputs["latent_classifier"])}


class SampledReconstruction(Reconstruction, Generator):
    """A VAE that is also measured as a generator; its samples are decoded from the prior.

    So are those of an autoencoder, whose codes no prior has shaped, to be compared with them.
    """

    def sample(self, count: int, seed: int) -> Tensor:
        self.networks.eval()
        return codes.sample(self.autoencoder, count, seed, self.device)

    def sampling(self) -> dict[str, Any]:
        """The same as a GAN's, so that the two can be compared."""
        return {"samples": self.options["samples"], "sampler": "generator", "steps": 1, "ema": self.run.recipe.ema}
