"""The kinds of learning: what each trains, needs, may be told, and is called.

A new one is a file beside this one, with a class of `nets.tasks.contract`, and an entry of `KINDS`; catalogues, checks,
schemas, jobs and reports read it here. Needs no torch.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any

from nets.errors import ABSENT, ConfigError, check_complete

FILE = "nets/tasks/kinds.py"
Options = dict[str, dict[str, Any]]  # JSON schema of each option, with its default


@dataclass(frozen=True)
class Family:
    """What is compared in one table."""

    name: str
    title: str
    text: str  # what it is, to a student
    headline: str  # the metric by which models are compared first

    def headline_of(self, fidelity: dict[str, Any] | None) -> str:
        """The headline of a run; without a classifier of the same data set, FID is measured by Inception."""
        if self.headline == "fid_indomain" and not (fidelity and fidelity.get("indomain")):
            return "fid_inception"
        return self.headline


@dataclass(frozen=True)
class Kind:
    """A kind of learning; no field may be left out."""

    task: str | None = ABSENT  # import path of the Task for models whose samples are not measured; None: all are
    generator: str | None = ABSENT  # and of the Generator for those whose samples are; None: it draws none
    roles: dict[str, tuple[str, ...]] = ABSENT  # the networks that it trains, and the attributes that each must have
    extras: dict[str, tuple[str, ...]] = ABSENT  # networks that a model may add, and what each needs of data
    needs: tuple[str, ...] = ABSENT  # of data: "labels", "masks", "square" images
    family: Family = ABSENT
    options: Options = ABSENT  # a recipe's `options`, which has no others

    @property
    def classes(self) -> list[str]:
        """The import paths of its classes."""
        return [path for path in (self.task, self.generator) if path]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of a recipe's `options`."""
        properties = self.options | (SAMPLES if self.generator else {})
        return {"type": "object", "additionalProperties": False, "properties": properties}


def option(default: Any, description: str = "", **rule: Any) -> dict[str, Any]:
    """JSON schema of an option."""
    return rule | {"default": default} | ({"description": description} if description else {})


SAMPLES: Options = {  # of all that draw samples
    "samples": option(10000, "Generated images that are measured.", type="integer", minimum=64),
    "fid_samples": option(
        500, "Generated images by which FID is watched over training; 0: it is not.", type="integer", minimum=0
    ),
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
        family=Family(
            "classification", "Classification", "A network looks at an image and names its class.", headline="top1"
        ),
        options={
            "label_smoothing": option(
                0, "Share of the target that all classes divide.", type="number", minimum=0, exclusiveMaximum=1
            ),
            "auxiliary_weight": option(0.3, "Of the auxiliary heads' losses.", type="number", minimum=0),
            "pretrained": option(
                None,
                "What it starts from, an entry of weights.yaml or a row of the same table "
                "(<model>-<dataset>[-<variant>]).",
                type=["string", "null"],
            ),
            "transfer": option(
                "none", "What is done with it.", enum=["none", "feature_extraction", "fine_tuning", "evaluate_only"]
            ),
            "backbone_lr": option(
                0.1,
                "fine_tuning: factor of the learning rate below the head.",
                type="number",
                exclusiveMinimum=0,
                maximum=1,
            ),
        },
    ),
    "reconstruction": Kind(
        task="nets.tasks.reconstruction.Reconstruction",
        generator="nets.tasks.reconstruction.SampledReconstruction",
        roles={"autoencoder": ("encode", "decode", "image", "latent_dim")},
        extras={"latent_classifier": ("labels",)},
        needs=("square",),
        family=Family(
            "reconstruction",
            "Reconstruction",
            "A network compresses an image into a small code and reconstructs the image from it.",
            headline="mse",
        ),
        options={
            "loss": option("mse", "Squared error, or binary cross-entropy of pixels in 0..1.", enum=["mse", "bce"]),
            "reduction": option(
                "mean", "Of the loss over the pixels of an image; a VAE wants the sum.", enum=["mean", "sum"]
            ),
            "fitted": option(
                False, "One step on the whole split, for what is fitted and not trained (PCA).", type="boolean"
            ),
            "beta": option(1, "Weight of the KL divergence, of VAEs.", type="number", minimum=0),
            "classifier_weight": option(
                0.1, "Of the latent classifier, in a variant that has one.", type="number", minimum=0
            ),
        },
    ),
    "segmentation": Kind(
        task="nets.tasks.segmentation.Segmentation",
        generator=None,
        roles={"segmenter": ()},
        extras={},
        needs=("masks",),
        family=Family("segmentation", "Segmentation", "A network names the class of every pixel.", headline="miou"),
        options={},
    ),
    "adversarial": Kind(
        task=None,
        generator="nets.tasks.adversarial.Adversarial",
        roles={"generator": ("latent_dim",), "discriminator": ()},
        extras={},
        needs=("square",),
        family=GENERATION,
        options={
            "loss": option(
                "non_saturating", "What the two networks play for.", enum=["non_saturating", "minimax", "wasserstein"]
            ),
            "n_critic": option(1, "Updates of the discriminator for each of the generator.", type="integer", minimum=1),
            "clip": option(
                None, "Largest absolute weight of the discriminator.", type=["number", "null"], exclusiveMinimum=0
            ),
            "gradient_penalty": option(
                0, "Weight of (slope - 1)^2 between real and generated images.", type="number", minimum=0
            ),
        },
    ),
    "diffusion": Kind(
        task=None,
        generator="nets.tasks.diffusion.Diffusion",
        roles={"denoiser": ()},
        extras={},
        needs=("square",),
        family=GENERATION,
        options={
            "timesteps": option(1000, "Steps from an image to noise.", type="integer", minimum=2),
            "schedule": option("linear", "How the noise grows.", enum=["linear", "cosine"]),
            "sampler": option("ancestral", "How samples are drawn.", enum=["ancestral", "ddim"]),
            "sampling_steps": option(
                None, "Steps of the sampler; null: all timesteps.", type=["integer", "null"], minimum=1
            ),
            "eta": option(
                0, "Of ddim: 0 adds no noise on the way, 1 as much as ancestral.", type="number", minimum=0, maximum=1
            ),
        },
    ),
}


def check_kinds() -> None:
    """Raise ConfigError where an entry lacks something, before anything runs."""
    check_complete(KINDS, FILE)
    for name, kind in KINDS.items():
        if not kind.classes:
            raise ConfigError(f"{FILE}: {name} has neither a task nor a generator; name the class of one.")
        for path in kind.classes:
            module = path.rpartition(".")[0]
            if not is_module(module):
                raise ConfigError(f"{FILE}: the class {path} of {name} needs the module {module}; add its file.")
        for option, rule in kind.options.items():
            if "default" not in rule:
                raise ConfigError(f"{FILE}: the option {option!r} of {name} lacks a default; add it.")


def is_module(name: str) -> bool:
    """Whether Python finds a module of this name; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False
