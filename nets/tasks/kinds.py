"""The kinds of learning: the networks, data and options of each, and its name in reports.

To add one, write a file beside this one with a subclass of `nets.tasks.contract.Task`, and an entry of `KINDS`.
Catalogues, checks, schemas, jobs and reports read this table. It needs no torch.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any

from nets.errors import ABSENT, ConfigError, check_complete

FILE = "nets/tasks/kinds.py"
Options = dict[str, dict[str, Any]]  # JSON schema of each option, with its default


@dataclass(frozen=True)
class Family:
    """Runs that are compared in one table."""

    name: str
    title: str
    text: str  # explains it to a student
    headline: str  # the metric that is compared first

    def headline_of(self, fidelity: dict[str, Any] | None) -> str:
        """The headline of a run; without a classifier of the same data set, FID is measured with Inception."""
        if self.headline == "fid_indomain" and not (fidelity and fidelity.get("indomain")):
            return "fid_inception"
        return self.headline


@dataclass(frozen=True)
class Kind:
    """A kind of learning; no field may be left out."""

    task: str | None = ABSENT  # import path of the Task for models whose samples are not measured; None: all are
    generator: str | None = ABSENT  # import path of the Generator for models whose samples are measured; None: no model
    roles: dict[str, tuple[str, ...]] = ABSENT  # the networks that it trains, and the attributes that each must have
    extras: dict[str, tuple[str, ...]] = ABSENT  # networks that a model may add, and what each needs of the data
    needs: tuple[str, ...] = ABSENT  # what it needs of the data: "labels", "masks", "square" images
    measures: tuple[str, ...] = ABSENT  # modules of nets/metrics, and single metrics; without the fidelity of samples
    family: Family = ABSENT
    options: Options = ABSENT  # all keys that a recipe's `options` may have

    @property
    def classes(self) -> list[str]:
        """The import paths of its classes."""
        return [path for path in (self.task, self.generator) if path]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of a recipe's `options`."""
        properties = self.options | (SAMPLES if self.generator else {}) | (REPEATED if self.task else {})
        return {"type": "object", "additionalProperties": False, "properties": properties}


def option(default: Any, description: str = "", **rule: Any) -> dict[str, Any]:
    """JSON schema of an option."""
    return rule | {"default": default} | ({"description": description} if description else {})


def unset(description: str, **rule: Any) -> dict[str, Any]:
    """JSON schema of an option that is a part of a run's description only where its recipe or row sets it.

    So a new one changes no description, and trains nothing again.
    """
    return rule | {"description": description, "unset": True}


def studies(**texts: str) -> dict[str, Any]:
    """The option `measure` of a task, from the names of its studies and what each measures."""
    words = "; ".join(f"`{name}`: {text}" for name, text in texts.items())
    items = {"type": "string", "enum": list(texts)}
    return unset(f"What evaluation measures besides, as a list; left out, nothing. {words}.", type="array", items=items)


SAMPLES: Options = {  # options of all generators
    "samples": option(10000, "Generated images that are measured.", type="integer", minimum=64),
    "fid_samples": option(
        500, "Generated images for the FID that is measured during training; 0: none.", type="integer", minimum=0
    ),
}
REPEATED: Options = {
    "test_every_epoch": unset(
        "Once the run has ended, train it again and test it after every epoch, to show what a choice of the epoch by "
        "test images would report. It takes as long as the training, and changes no other number.",
        type="boolean",
    )
}
GENERATION = Family(
    "generation",
    "Generation",
    "A network invents images. An adversarial network learns to fool a second one, which learns to tell its images "
    "from real ones. A diffusion network removes noise step by step until an image is left.",
    headline="fid_indomain",
)
KINDS = {
    "classification": Kind(
        task="nets.tasks.classification.Classification",
        generator=None,
        roles={"classifier": ()},
        extras={},
        needs=("labels", "square"),
        measures=("classification",),
        family=Family("classification", "Classification", "A network predicts the class of an image.", headline="top1"),
        options={
            "label_smoothing": option(
                0, "Share of the target that is spread over all classes.", type="number", minimum=0, exclusiveMaximum=1
            ),
            "auxiliary_weight": option(0.3, "Weight of the losses of auxiliary heads.", type="number", minimum=0),
            "pretrained": option(
                None,
                "What the network starts from: an entry of weights.yaml or a row of the same table "
                "(<model>-<dataset>[-<variant>]).",
                type=["string", "null"],
            ),
            "transfer": option(
                "none",
                "What is done with the start.",
                enum=["none", "feature_extraction", "fine_tuning", "evaluate_only", "self_training"],
            ),
            "backbone_lr": option(
                0.1,
                "For fine_tuning: factor of the learning rate of the layers below the head.",
                type="number",
                exclusiveMinimum=0,
                maximum=1,
            ),
            "confidence": option(
                0.9,
                "For self_training: the least probability of its class at which the start labels an image.",
                type="number",
                minimum=0,
                maximum=1,
            ),
            "accept_chance": unset(
                "Whether a training that ends as good as chance is a result like any other; left out, it is a hole.",
                type="boolean",
            ),
            "measure": studies(
                training="the metrics on training images, as they are after training",
                gradients="the gradient in each layer, at the start and at the end",
                classes="top-1 and top-5 over the number of classes",
            ),
        },
    ),
    "reconstruction": Kind(
        task="nets.tasks.reconstruction.Reconstruction",
        generator="nets.tasks.reconstruction.SampledReconstruction",
        roles={"autoencoder": ("encode", "decode", "image", "latent_dim")},
        extras={"latent_classifier": ("labels",)},
        needs=("square",),
        measures=("reconstruction", "latent", "probes", "top1"),
        family=Family(
            "reconstruction",
            "Reconstruction",
            "A network compresses an image into a small code and reconstructs the image from it.",
            headline="mse",
        ),
        options={
            "loss": option(
                "mse",
                "Squared error, or binary cross-entropy of pixels in 0..1, which is a likelihood only of black and "
                "white images.",
                enum=["mse", "bce"],
            ),
            "reduction": option(
                "mean",
                "How the loss is reduced over the pixels of an image; a VAE needs the sum.",
                enum=["mean", "sum"],
            ),
            "fitted": option(
                False, "One step on the whole split, for networks that are fitted, not trained (PCA).", type="boolean"
            ),
            "beta": option(1, "Weight of the KL divergence of a VAE.", type="number", minimum=0),
            "noise": option(
                0,
                "Noise on the images that the network encodes in training, to draw them without noise; 0: none.",
                type="number",
                minimum=0,
            ),
            "noise_kind": option(
                "masking",
                "`masking` sets each number of an image to zero with probability `noise`. `gaussian` adds noise with "
                "the standard deviation `noise` to pixels in 0..1.",
                enum=["masking", "gaussian"],
            ),
            "classifier_weight": option(
                0.1, "Weight of the latent classifier's loss, for models that have one.", type="number", minimum=0
            ),
            "classifier_loss": option(
                "cross_entropy",
                "The latent classifier's loss. `same` takes the loss of the images for its probabilities: their mean "
                "squared error times the pixels of an image, and the weighted KL divergence of a VAE once more.",
                enum=["cross_entropy", "same"],
            ),
            "measure": studies(
                subspace="the angle between a linear autoencoder's space and PCA's",
                bottleneck="the error of a U-Net without its bottleneck, and without its skips",
                gradient_variance="how far two estimates of a VAE's gradient vary",
            ),
        },
    ),
    "segmentation": Kind(
        task="nets.tasks.segmentation.Segmentation",
        generator=None,
        roles={"segmenter": ()},
        extras={},
        needs=("masks",),
        measures=("segmentation",),
        family=Family("segmentation", "Segmentation", "A network predicts the class of every pixel.", headline="miou"),
        options={"measure": studies(scales="mean IoU over the scale of test images")},
    ),
    "adversarial": Kind(
        task=None,
        generator="nets.tasks.adversarial.Adversarial",
        roles={"generator": ("latent_dim",), "discriminator": ()},
        extras={},
        needs=("square",),
        measures=(),
        family=GENERATION,
        options={
            "loss": option(
                "non_saturating", "The losses of the two networks.", enum=["non_saturating", "minimax", "wasserstein"]
            ),
            "n_critic": option(
                1, "Updates of the discriminator per update of the generator.", type="integer", minimum=1
            ),
            "clip": option(
                None,
                "Largest absolute value of the discriminator's weights; null: no limit.",
                type=["number", "null"],
                exclusiveMinimum=0,
            ),
            "gradient_penalty": option(
                0, "Weight of (gradient norm - 1)^2 between real and generated images.", type="number", minimum=0
            ),
            "measure": studies(
                discriminator_steps="the generator's gradient over the steps of a new discriminator, under the minimax "
                "and the non-saturating loss",
                modes="how many classes its samples show",
            ),
        },
    ),
    "diffusion": Kind(
        task=None,
        generator="nets.tasks.diffusion.Diffusion",
        roles={"denoiser": ()},
        extras={},
        needs=("square",),
        measures=(),
        family=GENERATION,
        options={
            "timesteps": option(1000, "Number of steps from an image to noise.", type="integer", minimum=2),
            "schedule": option("linear", "How the noise grows.", enum=["linear", "cosine"]),
            "sampler": option("ancestral", "How samples are drawn.", enum=["ancestral", "ddim"]),
            "sampling_steps": option(
                None, "Steps of the sampler; null: all timesteps.", type=["integer", "null"], minimum=1
            ),
            "eta": option(
                0,
                "For ddim: 0 adds no noise on the way, 1 as much as ancestral sampling.",
                type="number",
                minimum=0,
                maximum=1,
            ),
            "measure": studies(sampling_steps="in-domain FID over the steps of both samplers"),
        },
    ),
}


def check_kinds() -> None:
    """Raise ConfigError for an incomplete entry, before anything runs."""
    check_complete(KINDS, FILE)
    for name, kind in KINDS.items():
        if not kind.classes:
            raise ConfigError(f"{FILE}: {name} has neither a task nor a generator; name the class of at least one.")
        for path in kind.classes:
            module = path.rpartition(".")[0]
            if not is_module(module):
                raise ConfigError(f"{FILE}: the class {path} of {name} needs the module {module}; add its file.")
        for option, rule in kind.options.items():
            if "default" not in rule and "unset" not in rule:
                raise ConfigError(f"{FILE}: the option {option!r} of {name} lacks a default; add it.")


def is_module(name: str) -> bool:
    """Whether Python finds a module of this name, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False
